import { createHash } from "node:crypto";
import { ExactNumber } from "@annals/client";
import type { StoredRecord } from "@annals/client";

/**
 * SHA-256 of what a record says, in hex: the same for the same values, however a place writes them. Keys come in any order, and `1.0` is
 * the number that `1` is.
 */
export function valueHash(record: StoredRecord): string {
  return createHash("sha256").update(textOf(record)).digest("hex");
}

function textOf(value: unknown): string {
  if (value instanceof ExactNumber) return decimalOf(value.text);
  if (typeof value === "number" || typeof value === "bigint") return decimalOf(String(value));
  if (Array.isArray(value)) return `[${value.map(textOf).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${textOf(inner)}`);
  return `{${fields.join(",")}}`;
}

/** Sign, digits without zeros at the ends, and a power of ten. A zero has no sign: some places do not keep it. */
function decimalOf(text: string): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.slice(sign.length).split(".");
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  if (digits === "") return "0";
  return `${sign}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}
