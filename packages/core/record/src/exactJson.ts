/**
 * JSON text to JavaScript values and back without another value: `JSON.parse` rounds numbers beyond a double, and `JSON.stringify` drops or
 * renames what JSON cannot say.
 */
import { BadInputError } from "./badInput.ts";
import type { BadInputCode } from "./badInput.ts";
import { ExactNumber, holds } from "./exactNumber.ts";

/**
 * What a number becomes that no double holds. `exact`: an `ExactNumber`. `bigint`: a bigint where it is an integer, else an `ExactNumber`.
 * `text`: a string of its digits.
 */
export type WideNumbers = "exact" | "bigint" | "text";

/** Where a number may begin, with 16 characters or an exponent. It may say yes to a string that looks so, never no to such a number. */
const MAY_BE_WIDE = /(?:^|[[:,])\s*-?\d(?:[\d.]{15}|[\d.]*[eE])/;
/** Cycles end here; records are not nested as deep. */
const DEPTH_MAX = 64;

/** Like `JSON.parse`, but a number that a double does not hold is not rounded. Throws a SyntaxError. */
export function parseExactly(text: string, numbers: WideNumbers = "exact"): unknown {
  if (!MAY_BE_WIDE.test(text)) return JSON.parse(text);
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === "number" ? exactly(value, context?.source, numbers) : value;
  return JSON.parse(text, revive);
}

function exactly(value: number, source: string | undefined, numbers: WideNumbers): unknown {
  if (source === undefined || holds(value, source)) return value;
  if (numbers === "text") return source;
  const isInteger = /^-?\d+$/.test(source);
  return numbers === "bigint" && isInteger ? BigInt(source) : new ExactNumber(source);
}

/**
 * Like `JSON.stringify`, with bigints as numbers and the sign of a zero. What would come out as another value, or not at all, is refused:
 * NaN and infinities, bytes, functions, objects such as a Map, holes in an array. Properties that are undefined are left out. Throws
 * `BadInputError`, with the path of the value.
 */
export function stringifyExactly(value: unknown): string {
  const hasOther = check(value, "", 0);
  return hasOther ? JSON.stringify(value, asWritten) : JSON.stringify(value);
}

function asWritten(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return new ExactNumber(String(value)).toJSON();
  return Object.is(value, -0) ? new ExactNumber("-0").toJSON() : value;
}

/** Whether there is a number in it that `JSON.stringify` would refuse or change: a bigint, or a zero with a sign. */
function check(value: unknown, path: string, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return false;
    case "bigint":
      return true;
    case "number":
      if (Number.isFinite(value)) return Object.is(value, -0);
      throw refusal("ERR_RECORD_NUMBER", `${value} is not a number that JSON can say`, path);
    case "object":
      return value !== null && checkObject(value, path, depth);
    default:
      throw refusal("ERR_RECORD_FIELD_TYPE", `${typeof value} is not a value of JSON`, path);
  }
}

function checkObject(value: object, path: string, depth: number): boolean {
  if (value instanceof ExactNumber) return false;
  if (depth >= DEPTH_MAX)
    throw refusal("ERR_RECORD_TOO_DEEP", `nested deeper than ${DEPTH_MAX}, or a cycle`, path);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    throw refusal(
      "ERR_RECORD_FIELD_TYPE",
      "bytes are not a value of JSON: send them as base64, or as an attachment",
      path,
    );
  if (Array.isArray(value)) return checkItems(value, path, depth);
  if ("toJSON" in value && typeof value.toJSON === "function")
    return check(value.toJSON(""), path, depth + 1);
  const fields = Object.entries(value);
  if (fields.length === 0 && !isPlain(value))
    throw refusal(
      "ERR_RECORD_FIELD_TYPE",
      `a ${value.constructor.name} is not a value of JSON: convert it to an object or an array`,
      path,
    );
  let hasOther = false;
  for (const [name, field] of fields) {
    if (field === undefined) continue;
    const at = path === "" ? name : `${path}.${name}`;
    if (check(field, at, depth + 1)) hasOther = true;
  }
  return hasOther;
}

function checkItems(items: readonly unknown[], path: string, depth: number): boolean {
  let hasOther = false;
  for (let k = 0; k < items.length; k++)
    if (check(items[k], `${path}[${k}]`, depth + 1)) hasOther = true;
  return hasOther;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function refusal(code: BadInputCode, what: string, path: string): BadInputError {
  return new BadInputError(code, what, { position: undefined, path, offset: undefined });
}
