import type { StringCheck } from "./recordModel.ts";

/** Bytes of what a record can be found by: the id of an actor or a target, an action, a tenant. */
export const NAME_BYTES_MAX = 2048;

/** What a string that fails its check should have been. */
export const STRING_EXPECTATIONS: Readonly<Record<StringCheck, string>> = {
  any: "a string",
  nonEmpty: "a string that is not empty",
  name: `a string of 1 to ${NAME_BYTES_MAX} bytes`,
  time: "an RFC 3339 time such as 2026-01-31T12:00:00Z",
  outcome: "one of success, failure, denied, unknown",
  sha256: "64 lower-case hexadecimal digits",
};

/** Judges the string in [from, to) without decoding it. */
export function passesCheck(
  check: StringCheck,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  switch (check) {
    case "any":
      return true;
    case "nonEmpty":
      return to > from;
    case "name":
      return to > from && to - from <= NAME_BYTES_MAX;
    case "time":
      return isRfc3339(bytes, from, to);
    case "outcome":
      return OUTCOMES.some((outcome) => equalAscii(outcome, bytes, from, to));
    case "sha256":
      return to - from === 64 && isLowerHex(bytes, from, to);
    default:
      return check satisfies never;
  }
}

const OUTCOMES = ["success", "failure", "denied", "unknown"];

function equalAscii(text: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== text.length) return false;
  for (let k = 0; k < text.length; k++) {
    if (bytes[from + k] !== text.charCodeAt(k)) return false;
  }
  return true;
}

function isLowerHex(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
  }
  return true;
}

/** The number in `digits` decimal digits at `at`, or NaN. */
function decimal(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let k = 0; k < digits; k++) {
    const digit = (bytes[at + k] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function within(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** `date-time` of RFC 3339 §5.6: full date, `T`, time with optional fraction, and an offset. A leap second is let pass. */
function isRfc3339(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 20 || to - from > 64) return false;
  const byte = (k: number): number => bytes[from + k] ?? 0;
  const year = decimal(bytes, from, 4);
  const month = decimal(bytes, from + 5, 2);
  const separators =
    byte(4) === 0x2d &&
    byte(7) === 0x2d &&
    (byte(10) | 0x20) === 0x74 &&
    byte(13) === 0x3a &&
    byte(16) === 0x3a;
  if (!separators || !within(year, 0, 9999) || !within(month, 1, 12)) return false;
  const fields =
    within(decimal(bytes, from + 8, 2), 1, daysOf(year, month)) &&
    within(decimal(bytes, from + 11, 2), 0, 23) &&
    within(decimal(bytes, from + 14, 2), 0, 59) &&
    within(decimal(bytes, from + 17, 2), 0, 60);
  if (!fields) return false;
  let at = from + 19;
  if (bytes[at] === 0x2e) {
    at += 1;
    const start = at;
    while (at < to && within((bytes[at] ?? 0) - 0x30, 0, 9)) at += 1;
    if (at === start) return false;
  }
  return isOffset(bytes, at, to);
}

function isOffset(bytes: Uint8Array, at: number, to: number): boolean {
  const sign = bytes[at] ?? 0;
  if ((sign | 0x20) === 0x7a) return to === at + 1;
  return (
    (sign === 0x2b || sign === 0x2d) &&
    to === at + 6 &&
    bytes[at + 3] === 0x3a &&
    within(decimal(bytes, at + 1, 2), 0, 23) &&
    within(decimal(bytes, at + 4, 2), 0, 59)
  );
}
