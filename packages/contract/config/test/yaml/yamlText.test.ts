// Goal: every reader of YAML has the same limit, the same places and the same words for what is no YAML.
import { expect, test } from "vitest";
import { YAML_CHARACTERS_MAX, YamlText, offsetOf } from "../../src/yaml/yamlText.ts";

test("a text of the greatest length is read, and a longer one is not", () => {
  const comment = `#${"x".repeat(YAML_CHARACTERS_MAX - 6)}\na: 1`;
  const longest = new YamlText(comment);
  expect([longest.isTooLong, longest.document.toJS()]).toEqual([false, { a: 1 }]);
  const longer = new YamlText(`${comment}\n`);
  expect([longer.isTooLong, longer.document.toJS()]).toEqual([true, null]);
  expect(longer.place(0)).toEqual({ line: 1, column: 1 });
});

test("lines and columns are 1-based", () => {
  const yaml = new YamlText("a:\n  b: 7\n");
  const offset = offsetOf(yaml.document.getIn(["a", "b"], true));
  expect(offset).toBe(8);
  expect(yaml.place(offset ?? 0)).toEqual({ line: 2, column: 6 });
});

test("what was not written has no offset", () => {
  const yaml = new YamlText("a: 1\n");
  expect(offsetOf(yaml.document.getIn(["b"], true))).toBeUndefined();
});

test.each([
  ["a: 1\n---\nb: 2\n", 5, /^a second document begins here/, /^remove the line ---/],
  ["a: 1\na: 2\n", 5, /^this key is there twice/, /^remove one of the two/],
])("%j is a problem with its offset and its repair", (text, offset, message, hint) => {
  expect(new YamlText(text).syntaxProblems()).toEqual([
    { offset, message: expect.stringMatching(message), hint: expect.stringMatching(hint) },
  ]);
});
