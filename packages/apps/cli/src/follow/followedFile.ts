import { BlockReader } from "../import/blockReader.ts";
import type { LongLine } from "../import/blockReader.ts";
import type { Block, BlockLimits } from "../import/block.ts";
import { isDamaged } from "./content.ts";
import type { Content } from "./content.ts";
import type { FilePlace, Identity } from "./followState.ts";
import { hasMark, isSameMark, markOf, trailAfter, trailAt, trailBehind } from "./trail.ts";
import type { Mark, Trail } from "./trail.ts";
import type { LineFault } from "../import/lineFault.ts";

/** No file has it. */
export const NOWHERE: Identity = { device: "", inode: "", birth: "" };

/**
 * One file of a series: how far it is appended, and, while it is open, where that is read from. It
 * stays readable when it is renamed.
 */
export class FollowedFile {
  path: string;
  identity: Identity;
  seen: Mark;
  lines: number;
  /** Nothing more can be read of it. */
  isGone = false;
  /** Whether it has the name that is followed: its writer may add to it at any time. */
  isMain = false;
  /** When it was written last, as far as that was seen, in nanoseconds. */
  modified = 0n;
  #mark: Mark;
  #trail: Trail | undefined;
  #content: Content | undefined;
  #reader: BlockReader | undefined;
  /**
   * Where the next reader begins: behind what was returned, whether that is appended by now or on
   * its way.
   */
  #position: number;
  readonly #waitsForEnd: boolean;

  /** `waitsForEnd`: whether lines that are too long are read to their end. */
  constructor(place: FilePlace, waitsForEnd: boolean) {
    this.path = place.path;
    this.identity = place.identity;
    this.seen = place.seen;
    this.lines = place.lines;
    this.#mark = place.mark;
    this.#position = place.mark.bytes;
    this.#waitsForEnd = waitsForEnd;
  }

  get place(): FilePlace {
    const { path, identity, mark, lines, seen } = this;
    return { path, identity, mark, lines, seen: seen.bytes < mark.bytes ? mark : seen };
  }

  /** Up to here everything is appended, or is a dead letter. */
  get mark(): Mark {
    return this.#mark;
  }

  /** Undefined until its content was open once. */
  get trail(): Trail | undefined {
    return this.#trail;
  }

  get content(): Content | undefined {
    return this.#content;
  }

  /** Whether what there is of it can be read. */
  get isOpen(): boolean {
    return this.isGone || this.#content !== undefined;
  }

  /** Bytes without a line's end are behind the last line. */
  get hasRest(): boolean {
    return this.#reader?.hasRest ?? false;
  }

  /**
   * Reads on from this content, which is the file's own from now on; false when it is not what was
   * read.
   */
  async take(content: Content, path: string, identity: Identity): Promise<boolean> {
    const trail = await trailAt(content, this.mark.bytes).catch(undefinedIfDamaged);
    if (trail === undefined || !isSameMark(markOf(trail), this.mark)) return false;
    this.#dropReader();
    this.#content = content;
    this.#trail = trail;
    this.path = path;
    this.identity = identity;
    return true;
  }

  /**
   * Whether the content is still what it was as far as it was read and seen. What came since is
   * seen then.
   */
  async isIntact(): Promise<boolean> {
    const content = this.#content;
    if (content === undefined || content.isStream) return true;
    const { mark, seen } = this;
    const size = (await content.size()) ?? 0;
    if (size < Math.max(mark.bytes, seen.bytes)) return false;
    if (!(await hasMark(content, mark)) || !(await hasMark(content, seen))) return false;
    if (size === seen.bytes) return true;
    const trail = await trailAt(content, size);
    if (trail === undefined) return false;
    this.seen = markOf(trail);
    return true;
  }

  /**
   * Undefined when there is no whole line. Each line is returned once, unless `forget` was called.
   */
  async next(limits: BlockLimits, isFinal: boolean): Promise<Block | LongLine | undefined> {
    if (this.#content === undefined) return undefined;
    this.#reader ??= new BlockReader(this.#content, this.#position, {
      waitsForEnd: this.#waitsForEnd,
    });
    return this.#reader.next(limits, isFinal);
  }

  /**
   * What was returned and is not appended was not the file's: it is read again. Nothing of it may
   * be on its way.
   */
  rewind(): void {
    this.#reader = undefined;
    this.#position = this.#mark.bytes;
  }

  #dropReader(): void {
    this.#position = this.#reader?.position ?? this.#position;
    this.#reader = undefined;
  }

  /** A part of a line that waits for its end is read again at the next look. */
  forget(): void {
    this.#reader?.forget();
  }

  accepted({ bytes, lineEnds }: Block): void {
    this.lines += lineEnds;
    if (this.#trail !== undefined) this.#advance(trailAfter(this.#trail, bytes));
  }

  passed(fault: LineFault): void {
    this.lines++;
    if (this.#trail !== undefined) this.#advance(trailBehind(this.#trail, fault));
  }

  #advance(trail: Trail): void {
    this.#trail = trail;
    this.#mark = markOf(trail);
  }

  /** A request of which nobody knew is in the log: it is not read again. */
  async skipTo(mark: Mark, lineEnds: number): Promise<void> {
    const content = this.#content;
    this.#mark = mark;
    this.#position = mark.bytes;
    this.#reader = undefined;
    this.#trail = undefined;
    this.lines += lineEnds;
    // If that is not there any more, the next look finds out.
    if (content !== undefined && !(await this.take(content, this.path, this.identity)))
      await this.close();
  }

  async close(): Promise<void> {
    const content = this.#content;
    this.#dropReader();
    this.#content = undefined;
    await content?.close();
  }
}

function undefinedIfDamaged(error: unknown): undefined {
  if (!isDamaged(error)) throw error;
}
