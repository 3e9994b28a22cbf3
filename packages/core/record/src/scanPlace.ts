import type { Rule } from "./recordModel.ts";
import { STRING_EXPECTATIONS } from "./stringChecks.ts";
import { decodeUtf8 } from "./utf8.ts";

const PATH_KEY_BYTES_MAX = 64;

/** What a value should have been. */
export function describeRule(rule: Rule): string {
  switch (rule.kind) {
    case "any":
      return "any value";
    case "string":
      return STRING_EXPECTATIONS[rule.check];
    case "uint":
      return "an integer ≥ 0";
    case "array":
      return "an array";
    case "map":
      return "an object";
    default:
      return rule satisfies never;
  }
}

/** Where in a record the scan stands. Keys that are long or unprintable show as `?`: a path must fit a line of a log. */
export function renderPath(
  bytes: Uint8Array,
  path: readonly number[],
  depth: number,
  last: string,
): string {
  let text = "";
  for (let level = 1; level <= depth; level++) {
    const from = path[2 * level] ?? 0;
    const to = path[2 * level + 1] ?? 0;
    if (from < 0) {
      text += `[${to}]`;
    } else if (to > from) {
      const key = to - from <= PATH_KEY_BYTES_MAX ? decodeUtf8(bytes, from, to) : undefined;
      const shown = key !== undefined && /^[\p{L}\p{N} _.:/$@-]+$/u.test(key) ? key : "?";
      text += text === "" ? shown : `.${shown}`;
    }
  }
  if (last === "") return text;
  return text === "" ? last : `${text}.${last}`;
}
