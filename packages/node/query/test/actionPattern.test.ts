// Goal: an action is asked for whole or by its beginning, and any action can be asked for, whatever characters it has.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { actionPattern, matchesAction } from "../src/actionPattern.ts";

test.each([
  ["file.added", "file.added", false],
  ["file.*", "file.", true],
  ["s3:\\*", "s3:*", false],
  ["a.\\*.b", "a.*.b", false],
  ["a.\\*.*", "a.*.", true],
  ["DOMAIN\\x", "DOMAIN\\x", false],
  ["a\\\\*", undefined, false],
  ["a\\\\.*", "a\\.", true],
  [".*", undefined, false],
  ["*", undefined, false],
  ["fil*", undefined, false],
  ["a.*.b", undefined, false],
])("%s", (asked, text, isPrefix) => {
  expect(actionPattern(asked)).toEqual(text === undefined ? undefined : { text, isPrefix });
});

test("every action can be asked for", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: fc.constantFrom("a", "*", "\\", ".") }),
      (action) => {
        const asked = action.replaceAll(/[\\*]/g, (character) => `\\${character}`);
        const pattern = actionPattern(asked);
        expect(pattern).toEqual({ text: action, isPrefix: false });
        expect(pattern !== undefined && matchesAction(action, pattern)).toBe(true);
      },
    ),
  );
});
