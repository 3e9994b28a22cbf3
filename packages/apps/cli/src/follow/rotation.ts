/**
 * Names that a rotated file gets: the name of the file, or its stem, then a number, a date or a
 * word for the one before.
 */
const OLDER = /^[.\-_](?:\d[\w.:+~-]*|@[\da-f]+|(?:old|bak|prev|previous|last)\d*)$/i;
const COMPRESSED = /\.(?:gz|zst|zstd)$/i;

export interface RotatedName {
  /** Without the ending of a compressed file. */
  readonly plain: string;
  /** What the rotation has put into the name. */
  readonly suffix: string;
}

/**
 * What `name` is as a rotated file of `base`, such as `app.log.1`, `app.log-20260101.gz` or
 * `app-2026-01-01.log`; undefined for any other file.
 */
export function rotatedName(base: string, name: string): RotatedName | undefined {
  const plain = name.replace(COMPRESSED, "");
  if (plain === base) return { plain, suffix: "" };
  const whole = suffixOf(plain, base, "");
  if (whole !== undefined) return { plain, suffix: whole };
  const point = base.lastIndexOf(".");
  if (point <= 0) return undefined;
  const inner = suffixOf(plain, base.slice(0, point), base.slice(point));
  return inner === undefined ? undefined : { plain, suffix: inner };
}

function suffixOf(name: string, before: string, after: string): string | undefined {
  if (!name.startsWith(before) || !name.endsWith(after)) return undefined;
  if (name.length <= before.length + after.length) return undefined;
  const suffix = name.slice(before.length, name.length - after.length);
  return OLDER.test(suffix) ? suffix.slice(1) : undefined;
}

/** What tells the age of a rotated file. */
export interface RotatedFile {
  readonly suffix: string;
  /** When it was written last, in nanoseconds. */
  readonly modified: bigint;
}

/**
 * The order in which files were written, oldest first. A file is written last just before it is
 * rotated, and neither renaming nor gzip changes that time. Between equal ones a plain number falls
 * with each rotation (`.2` is older than `.1`), and whatever else rises (dates).
 */
export function compareRotated(one: RotatedFile, other: RotatedFile): number {
  if (one.modified !== other.modified) return one.modified < other.modified ? -1 : 1;
  const numbers = [one, other].map(({ suffix }) => (/^\d{1,6}$/.test(suffix) ? +suffix : NaN));
  const [a = NaN, b = NaN] = numbers;
  if (!Number.isNaN(a) && !Number.isNaN(b)) return b - a;
  return one.suffix < other.suffix ? -1 : one.suffix > other.suffix ? 1 : 0;
}
