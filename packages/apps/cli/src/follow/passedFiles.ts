import type { Content } from "./content.ts";
import { lookInto, trailAtEnd } from "./copies.ts";
import { NOWHERE } from "./followedFile.ts";
import type { FilePlace, PassedFile } from "./followState.ts";
import { isSameFile } from "./listing.ts";
import type { Listed } from "./listing.ts";
import { digest, hasMark, isSameMark, markOf, NO_MARK, TRAIL_BYTES } from "./trail.ts";

/**
 * Files that are remembered one by one; of older ones, only when the newest of them was written.
 */
const PASSED_FILES_MAX = 64;

/**
 * The files that are not read, or not again, recognised by identity and content whatever they are
 * called by now.
 */
export class PassedFiles {
  #files: PassedFile[];
  #until: bigint;
  /** Listed files that were looked into, as they were then. */
  #looked = new Set<string>();

  constructor(files: readonly PassedFile[], until: string) {
    this.#files = [...files];
    this.#until = BigInt(until);
  }

  get state(): { readonly passed: readonly PassedFile[]; readonly passedUntil: string } {
    return { passed: this.#files, passedUntil: String(this.#until) };
  }

  add(file: PassedFile): void {
    this.#files.push(file);
    if (this.#files.length <= PASSED_FILES_MAX) return;
    this.#files.sort((one, other) => (BigInt(one.modified) < BigInt(other.modified) ? -1 : 1));
    const until = BigInt(this.#files.shift()?.modified ?? "0");
    if (until > this.#until) this.#until = until;
  }

  /** Passes a listed file as it is now. */
  async pass(listed: Listed, why: PassedFile["why"]): Promise<void> {
    const trail = await lookInto(listed, undefined, trailAtEnd);
    const mark = trail === undefined ? NO_MARK : markOf(trail);
    const { identity, modified } = listed;
    this.add({ identity, mark, lines: 0, modified: String(modified), why });
  }

  /**
   * Whether a file that was written last at this time is older than all that are remembered one by
   * one.
   */
  isOlder(modified: bigint): boolean {
    return modified <= this.#until;
  }

  isCopy(listed: Listed): boolean {
    return this.#of(listed)?.why === "copy";
  }

  forget(listed: Listed): void {
    const known = this.#of(listed);
    this.#files = this.#files.filter((one) => one !== known);
  }

  #of({ identity }: Listed): PassedFile | undefined {
    return this.#files.find((one) => isSameFile(one.identity, identity));
  }

  /**
   * Whether a listed file is one of them; the place from which it is read on when it was read, and
   * has grown since.
   */
  async find(listed: Listed): Promise<"passed" | "unknown" | FilePlace> {
    const known = this.#of(listed);
    if (known === undefined) return "unknown";
    const key = keyOf(listed);
    if (this.#looked.has(key)) return "passed";
    const { identity, mark, lines, why } = known;
    if (!(await lookInto(listed, true, (content) => hasMark(content, mark)))) {
      // The inode is another file's by now; its content may still be somewhere.
      this.#files = this.#files.map((one) => (one === known ? { ...one, identity: NOWHERE } : one));
      return "unknown";
    }
    if (why === "read" && !listed.isCompressed && listed.bytes > mark.bytes) {
      this.#files = this.#files.filter((one) => one !== known);
      return { path: listed.path, identity, mark, lines, seen: mark };
    }
    this.#looked.add(key);
    return "passed";
  }

  /** Whether a content is what one of them had, and has nowhere else. */
  async hasContent(
    content: Content,
    isCompressed: boolean,
    listing: readonly Listed[],
  ): Promise<boolean> {
    const isElsewhere = ({ identity }: PassedFile): boolean =>
      listing.some((one) => isSameFile(one.identity, identity));
    const candidates = this.#files.filter(
      (one) => one.mark.bytes > 0 && (isCompressed || !isElsewhere(one)),
    );
    if (candidates.length === 0) return false;
    const head = await content.read(0, TRAIL_BYTES);
    const same = candidates.filter(
      ({ mark }) => digest(head.subarray(0, mark.bytes)) === mark.head,
    );
    const end = same.length > 0 ? await trailAtEnd(content) : undefined;
    return end !== undefined && same.some(({ mark }) => isSameMark(mark, markOf(end)));
  }

  /** What was looked into and is not listed any more. */
  forgetOthers(listing: readonly Listed[]): void {
    const keys = new Set(listing.map(keyOf));
    this.#looked = new Set([...this.#looked].filter((key) => keys.has(key)));
  }
}

function keyOf({ identity, bytes, modified }: Listed): string {
  return `${identity.device} ${identity.inode} ${bytes} ${modified}`;
}
