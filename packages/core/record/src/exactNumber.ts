/**
 * How a number is kept. A text without point and exponent is an integer, of 64 bits if they hold it. Any other one is a double if that has
 * the same shortest decimal (ECMA-262 Number::toString). What neither holds keeps its digits, in a msgpack extension type.
 */

/** The extension type of a number that is kept with its digits: they are its content, in ASCII, as RFC 8259 §6 writes a number. */
export const EXACT_NUMBER_TYPE = 1;
/** Characters of a number. */
export const NUMBER_CHARACTERS_MAX = 400;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?\d+$/;
const LEAST = -(2n ** 63n);
const GREATEST = 2n ** 64n - 1n;
/** A double holds each decimal of 15 digits (IEEE 754); with its point it has so many characters. */
const HELD_CHARACTERS = 16;

/** ECMA-262's proposal for source text access, in V8 since 11.4. */
const rawJson: (text: string) => unknown = Reflect.get(JSON, "rawJSON");
const isRawJson: (value: unknown) => boolean = Reflect.get(JSON, "isRawJSON");

/** A number that no double holds, with its digits. `JSON.stringify` writes it as the number that it is. */
export class ExactNumber {
  /** As RFC 8259 §6 writes a number. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    return rawJson(this.text);
  }
}

/** Whether a replacer of `JSON.stringify` has been given the digits of an `ExactNumber`, which it must not look into. */
export function isExactText(value: unknown): boolean {
  return isRawJson(value);
}

/** A number as JSON writes it: the double of the same value, or the 64-bit integer, or the text itself where neither holds it. */
export function keptNumber(text: string): number | bigint | string {
  const value = Number(text);
  if (!INTEGER.test(text)) return holds(value, text) ? value : text;
  if (Number.isSafeInteger(value)) return value;
  const integer = BigInt(text);
  return integer >= LEAST && integer <= GREATEST ? integer : text;
}

/** Whether [from, to) are the digits of a number that has to be kept with them; then there is only one way to keep each number. */
export function isExactNumber(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > NUMBER_CHARACTERS_MAX) return false;
  const text = String.fromCharCode(...bytes.subarray(from, to));
  return NUMBER.test(text) && typeof keptNumber(text) === "string";
}

/** A double as JSON: the sign of a zero stays, and an integer beyond 2^53 has an exponent, so that it is read as a double again. */
export function doubleText(value: number): string {
  if (Object.is(value, -0)) return "-0";
  const isWide = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isWide ? value.toExponential() : String(value);
}

/** Whether the double is the value of the text: whether it has the same shortest decimal. */
export function holds(value: number, text: string): boolean {
  if (text.length <= HELD_CHARACTERS && !/[eE]/.test(text)) return true;
  return Number.isFinite(value) && decimalOf(doubleText(value)) === decimalOf(text);
}

/** The same text for the same decimal value: sign, digits without zeros at the ends, and a power of ten. */
function decimalOf(text: string): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.slice(sign.length).split(".");
  const digits = whole + fraction;
  let from = 0;
  while (digits[from] === "0") from += 1;
  let to = digits.length;
  while (to > from && digits[to - 1] === "0") to -= 1;
  if (from === to) return `${sign}0`;
  const power = Number(exponent) - fraction.length + digits.length - to;
  return `${sign}${digits.slice(from, to)}e${power}`;
}
