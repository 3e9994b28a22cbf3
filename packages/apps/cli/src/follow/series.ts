import { isUnreadable } from "./content.ts";
import { continues, isBeginningOf, lookInto, openListed } from "./copies.ts";
import { FollowedFile, NOWHERE } from "./followedFile.ts";
import { blankPlace } from "./followState.ts";
import type { FilePlace, PassedFile } from "./followState.ts";
import { findFile, isSameFile, listFiles } from "./listing.ts";
import type { Listed } from "./listing.ts";
import { PassedFiles } from "./passedFiles.ts";
import { compareRotated } from "./rotation.ts";
import { gapText, movedText } from "./seriesText.ts";

/**
 * Files of a series that are open at a time; those behind are found by their names when it is their
 * turn.
 */
const OPEN_FILES_MAX = 16;
/** Files that wait, open or not. Further ones are not taken up before there is room. */
const WAITING_FILES_MAX = 256;
/**
 * Looks at a compressed file that cannot be decoded and does not change, until it is read as far as
 * it goes.
 */
const DAMAGED_LOOKS = 5;

export interface SeriesOptions {
  readonly path: string;
  /** Undefined at the very first start: rotated files that are there already are then passed. */
  readonly known: SeriesState | undefined;
  /** Whether lines that are too long are read to their end. */
  readonly waitsForEnd: boolean;
  readonly note: (text: string) => Promise<void>;
}

/** Of a file that is no known one by its identity. `open`: the next look tells. */
type Verdict = "new" | "known" | "open";

export interface SeriesState {
  readonly files: readonly FilePlace[];
  readonly passed: readonly PassedFile[];
  readonly passedUntil: string;
}

/**
 * The files that had, one after the other, the name that is followed: the one that is read, then
 * those that wait, in the order in which they were written. It looks at the directory again and
 * again, so that a rotation is seen when it happens.
 */
export class FileSeries {
  readonly #options: SeriesOptions;
  readonly #files: FollowedFile[];
  readonly #passed: PassedFiles;
  /** By path and size: looks at compressed files that cannot be decoded. */
  #damaged = new Map<string, number>();
  #isFirst: boolean;
  #toldOfBound = false;
  /** Places where lines may be missing. */
  gaps = 0;
  /** Grows with every change that a state should have. */
  changes = 0;

  constructor(options: SeriesOptions) {
    const { known, waitsForEnd } = options;
    this.#options = options;
    this.#isFirst = known === undefined;
    this.#files = (known?.files ?? []).map((place) => new FollowedFile(place, waitsForEnd));
    this.#passed = new PassedFiles(known?.passed ?? [], known?.passedUntil ?? "0");
  }

  /** The file that is read. */
  get current(): FollowedFile | undefined {
    return this.#files[0];
  }

  /** Files behind the one that is read. */
  get waiting(): number {
    return Math.max(0, this.#files.length - 1);
  }

  /** How far the last file was seen to reach. */
  get end(): number {
    const last = this.#files.at(-1);
    return last?.content?.isStream === true ? Number.POSITIVE_INFINITY : (last?.seen.bytes ?? 0);
  }

  get state(): SeriesState {
    const files = this.#files.filter(({ isGone }) => !isGone).map(({ place }) => place);
    return { files, ...this.#passed.state };
  }

  /** The file that is read is done with; the next one is read. */
  async finish(): Promise<void> {
    const file = this.#files.shift();
    if (file === undefined) return;
    this.changes++;
    const { identity, mark, lines, modified, isGone } = file;
    if (!isGone)
      this.#passed.add({ identity, mark, lines, modified: String(modified), why: "read" });
    await file.close();
  }

  /**
   * Puts the file that has the name behind those that wait: they are older, and were found late.
   * Nothing of it may be on its way.
   */
  turn(): void {
    const [file] = this.#files;
    if (file?.isMain !== true || this.#files.length < 2) return;
    file.forget();
    this.#files.push(...this.#files.splice(0, 1));
    this.changes++;
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }

  /** Takes up what has happened to the files since. */
  async look(): Promise<void> {
    let listing = await listFiles(this.#options.path);
    if (listing === undefined) return;
    if (this.#isFirst) {
      // What is there before the first start is older than what is followed.
      for (const one of listing.filter(({ isMain }) => !isMain))
        await this.#passed.pass(one, "older");
      this.changes++;
      this.#isFirst = false;
    }
    const lost = await this.#lookAtFiles(listing);
    // A copy is made before its original is truncated: it is there by now, if not when it was
    // listed.
    if (lost.length > 0) listing = await listFiles(this.#options.path);
    if (listing === undefined) return;
    const unknown = await this.#unknownOf(listing);
    for (const file of lost) await this.#findAgain(file, unknown, listing);
    await this.#takeUp(unknown, listing);
  }

  /**
   * Opens what waits, as far as there is room. Returns the files whose content is not where it was.
   */
  async #lookAtFiles(listing: readonly Listed[]): Promise<FollowedFile[]> {
    const lost: FollowedFile[] = [];
    for (const file of this.#files) {
      if (file.isGone) continue;
      const listed = await this.#placeOf(file, listing);
      file.isMain = listed?.isMain ?? false;
      if (listed !== undefined) {
        file.path = listed.path;
        file.modified = listed.modified;
      }
      if (file.content === undefined && listed !== undefined) {
        if (this.#open >= OPEN_FILES_MAX) continue;
        const content = await openListed(listed);
        // It was renamed since it was listed; the next look finds it.
        if (content === undefined) continue;
        if (!(await file.take(content, listed.path, file.identity))) await content.close();
      }
      if (file.content !== undefined && (await file.isIntact())) continue;
      lost.push(file);
      await file.close();
      file.identity = NOWHERE;
      file.isMain = false;
    }
    return lost;
  }

  get #open(): number {
    return this.#files.filter(({ content }) => content !== undefined).length;
  }

  async #placeOf(file: FollowedFile, listing: readonly Listed[]): Promise<Listed | undefined> {
    const listed = listing.find(({ identity }) => isSameFile(identity, file.identity));
    if (listed !== undefined || file.content !== undefined) return listed;
    // Of a file that is not open nothing but the name leads to it, and people rename files as they
    // like.
    return findFile(this.#options.path, file.identity);
  }

  async #unknownOf(listing: readonly Listed[]): Promise<Listed[]> {
    const unknown: Listed[] = [];
    for (const listed of listing) {
      if (this.#files.some(({ identity }) => isSameFile(identity, listed.identity))) continue;
      const found = await this.#passed.find(listed);
      if (found === "unknown") unknown.push(listed);
      else if (found !== "passed") await this.#readOn(found, listed);
    }
    this.#passed.forgetOthers(listing);
    return unknown;
  }

  /** A writer that was late has added to a file that was done with. */
  async #readOn(place: FilePlace, listed: Listed): Promise<void> {
    this.changes++;
    const file = new FollowedFile(place, this.#options.waitsForEnd);
    const content = await openListed(listed);
    if (content !== undefined && !(await file.take(content, listed.path, listed.identity)))
      await content.close();
    this.#files.splice(this.#files.length > 0 ? 1 : 0, 0, file);
    const at = `it is read on from byte ${place.mark.bytes}`;
    await this.#options.note(`annals: ${listed.path} was added to after its end: ${at}`);
  }

  /**
   * The content of a file that is not where it was: it was copied, compressed, or replaced. Takes
   * what it finds out of `unknown`.
   */
  async #findAgain(
    file: FollowedFile,
    unknown: Listed[],
    listing: readonly Listed[],
  ): Promise<void> {
    this.changes++;
    const before = file.path;
    const isThere = listing.some(({ path }) => path === before);
    const copies = listing.filter((one) => this.#passed.isCopy(one));
    const probe = file.mark.bytes > 0 ? file.mark : file.seen;
    const head = file.trail?.head;
    for (const candidate of [...unknown, ...copies].toSorted(byLikelihood)) {
      const found = await lookInto(candidate, "no" as const, (one) => continues(one, probe, head));
      // The name itself goes on with all of it, or has something else.
      if (found === "no" || (candidate.isMain && found === "shorter")) continue;
      const at = unknown.indexOf(candidate);
      if (at >= 0) unknown.splice(at, 1);
      this.#passed.forget(candidate);
      file.isMain = candidate.isMain;
      const left = found === "yes" ? await this.#goOnIn(file, candidate) : file.mark.bytes;
      if (left < file.seen.bytes) await this.#tellOfGap(file, before, isThere, left);
      else await this.#options.note(movedText(before, candidate.path, file.mark.bytes));
      if (found === "yes") file.seen = file.mark;
      if (found === "yes" && (await file.isIntact())) return;
      await this.#passed.pass(candidate, "copy");
      file.isGone = true;
      return;
    }
    file.isGone = true;
    const { mark, seen } = file;
    if (seen.bytes > 0 || mark.bytes > 0) await this.#tellOfGap(file, before, isThere, mark.bytes);
  }

  /** How far the content reaches there. */
  async #goOnIn(file: FollowedFile, listed: Listed): Promise<number> {
    const content = await openListed(listed);
    const { seen } = file;
    // If it has gone from there meanwhile, the next look searches again.
    if (content === undefined) return seen.bytes;
    if (!(await file.take(content, listed.path, listed.identity))) await content.close();
    // How long a compressed content is, is not worth decoding it.
    return content.isStream ? seen.bytes : ((await content.size()) ?? 0);
  }

  async #tellOfGap(
    { mark, seen }: FollowedFile,
    path: string,
    isThere: boolean,
    left: number,
  ): Promise<void> {
    this.gaps++;
    const lost = Math.max(0, seen.bytes - left);
    await this.#options.note(gapText({ path, isThere, lost, appended: mark.bytes }));
  }

  /** Puts files that were never seen behind those that wait. */
  async #takeUp(unknown: readonly Listed[], listing: readonly Listed[]): Promise<void> {
    const fresh: Listed[] = [];
    for (const listed of unknown) {
      const verdict = listed.isMain
        ? await this.#isReplacement(listed, listing)
        : await this.#judge(listed, listing);
      // What is newer must not come before it, so nothing is taken up until that is known.
      if (verdict === "open") return;
      if (verdict === "new") fresh.push(listed);
    }
    fresh.sort(
      (one, other) => Number(one.isMain) - Number(other.isMain) || compareRotated(one, other),
    );
    for (const listed of fresh) {
      const content = this.#files.length < WAITING_FILES_MAX ? await openListed(listed) : undefined;
      // It has another name already. Those behind it must not come before it: all of them are found
      // at the next look.
      if (content === undefined) return;
      const { path, identity, modified } = listed;
      const file = new FollowedFile(blankPlace(path, identity), this.#options.waitsForEnd);
      file.modified = modified;
      file.isMain = listed.isMain;
      await file.take(content, path, identity);
      await file.isIntact();
      const isBeyond = this.#open >= OPEN_FILES_MAX;
      this.#files.push(file);
      this.changes++;
      if (isBeyond) await this.#closeBeyond(file);
    }
  }

  async #closeBeyond(file: FollowedFile): Promise<void> {
    await file.close();
    if (this.#toldOfBound) return;
    this.#toldOfBound = true;
    await this.#options.note(
      `annals: more than ${OPEN_FILES_MAX} files wait: those behind are not held open; ` +
        "one that is deleted before its turn is lost, and told",
    );
  }

  /**
   * Whether the name has a new file that begins with all of the one before, which is not there any
   * more: it is the same, written anew.
   */
  async #isReplacement(listed: Listed, listing: readonly Listed[]): Promise<Verdict> {
    const file = this.#files.at(-1);
    if (file === undefined || file.isGone || file.seen.bytes === 0) return "new";
    if (listing.some(({ identity }) => isSameFile(identity, file.identity))) return "new";
    const { seen, path } = file;
    const goesOn = await lookInto(listed, "no" as const, (content) => continues(content, seen));
    const content = goesOn === "yes" ? await openListed(listed) : undefined;
    if (content === undefined) return "new";
    await file.close();
    if (!(await file.take(content, listed.path, listed.identity))) {
      await content.close();
      return "open";
    }
    file.isMain = true;
    this.changes++;
    await this.#options.note(movedText(path, listed.path, file.mark.bytes));
    return "known";
  }

  /** Whether it is a rotated file that nobody has read: no copy of one, and not in the making. */
  async #judge(listed: Listed, listing: readonly Listed[]): Promise<Verdict> {
    const { path, plain, isCompressed, bytes, modified } = listed;
    // What is being compressed is read as it was.
    const isMaking = listing.some(
      (one) => !one.isMain && !one.isCompressed && one.plain === plain && one.path !== path,
    );
    if (isMaking || bytes === 0 || this.#passed.isOlder(modified)) return "known";
    if (!(await this.#mayRead(listed))) return "known";
    const found = await lookInto(listed, "damaged" as const, async (content) => {
      for (const file of this.#files) {
        // Only what keeps its name while it is copied, or is compressed, has copies.
        const mayHave = isCompressed || listing.some((one) => one.isMain && one.path === file.path);
        if (!mayHave || file.content === undefined || file.content.isStream) continue;
        if (await isBeginningOf(content, file.content)) return "copy";
      }
      return (await this.#passed.hasContent(content, isCompressed, listing)) ? "read" : "new";
    });
    if (found === "damaged") return this.#isLeft(listed) ? "new" : "open";
    if (found === "new") return (await this.#areIntact()) ? "new" : "open";
    this.changes++;
    await this.#passed.pass(listed, "copy");
    if (found === "read")
      await this.#options.note(`annals: ${path} has what is appended already: it is passed over`);
    return "known";
  }

  /** A rotated file that this user may not read is told, and passed: those behind it are read. */
  async #mayRead(listed: Listed): Promise<boolean> {
    try {
      await (await openListed(listed))?.close();
      return true;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.gaps++;
      this.changes++;
      await this.#passed.pass(listed, "older");
      await this.#options.note(`annals: ${error.message}: its lines are missing`);
      return false;
    }
  }

  /** Whether what was compared just now was compared with what the files are thought to be. */
  async #areIntact(): Promise<boolean> {
    for (const file of this.#files) if (!(await file.isIntact())) return false;
    return true;
  }

  /** A compressed file that cannot be decoded may still be written. */
  #isLeft({ path, bytes }: Listed): boolean {
    const key = `${path} ${bytes}`;
    const looks = (this.#damaged.get(key) ?? 0) + 1;
    this.#damaged = new Map([[key, looks]]);
    return looks >= DAMAGED_LOOKS;
  }
}

/**
 * Copies first, as they are made before the name gets other content; and of these what is not
 * compressed.
 */
function byLikelihood(one: Listed, other: Listed): number {
  const isMain = Number(one.isMain) - Number(other.isMain);
  return isMain || Number(one.isCompressed) - Number(other.isCompressed);
}
