/**
 * Sizes and durations as people write them. A bare number is refused on purpose: whether `30` means seconds or milliseconds is
 * exactly the mistake that units prevent.
 */

export type Parsed =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly message: string };

const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
  d: 86_400e3,
};

/** What `parseBytes` and `parseDuration` accept, for the JSON schema. */
export const BYTES_PATTERN = "^\\d+(\\.\\d+)?\\s?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$";
export const DURATION_PATTERN = "^\\d+(\\.\\d+)?\\s?(ms|s|m|h|d)$";

function parseQuantity(
  text: string,
  units: Readonly<Record<string, number>>,
  examples: string,
): Parsed {
  const match = /^(\d+(?:\.\d+)?)\s?([A-Za-z]*)$/.exec(text.trim());
  if (match === null) return { ok: false, message: `"${text}" is not ${examples}` };
  const [, digits = "", unit = ""] = match;
  if (unit === "") return { ok: false, message: `"${text}" has no unit: write ${examples}` };
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined) {
    return {
      ok: false,
      message: `unknown unit "${unit}" in "${text}": known are ${Object.keys(units).join(", ")}`,
    };
  }
  const value = Number(digits) * factor;
  if (!Number.isSafeInteger(value)) {
    return {
      ok: false,
      message: `"${text}" is no whole number of ${units["B"] === 1 ? "bytes" : "milliseconds"}`,
    };
  }
  return { ok: true, value };
}

/** `64KiB`, `10MB`, `1.5GiB` → bytes. */
export function parseBytes(text: string): Parsed {
  return parseQuantity(text, BYTE_UNITS, "a size such as 64KiB or 10MB");
}

/** `500ms`, `30s`, `5m`, `12h`, `90d` → milliseconds. */
export function parseDuration(text: string): Parsed {
  return parseQuantity(text, DURATION_UNITS, "a duration such as 500ms or 30s");
}

function formatQuantity(value: number, units: readonly (readonly [string, number])[]): string {
  for (const [unit, factor] of units) {
    if (value >= factor && value % factor === 0) return `${value / factor}${unit}`;
  }
  return `${value}${units.at(-1)?.[0] ?? ""}`;
}

/** Exact: the largest binary unit that divides the number, else bytes. Reads back by `parseBytes`. */
export function formatBytes(bytes: number): string {
  return formatQuantity(bytes, [
    ["TiB", 2 ** 40],
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
    ["B", 1],
  ]);
}

/** Exact: the largest unit that divides the number. Reads back by `parseDuration`. */
export function formatDuration(milliseconds: number): string {
  return formatQuantity(milliseconds, [
    ["d", 86_400e3],
    ["h", 3600e3],
    ["m", 60e3],
    ["s", 1e3],
    ["ms", 1],
  ]);
}
