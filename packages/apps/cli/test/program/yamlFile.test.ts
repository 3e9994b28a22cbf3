/** Goal: files of sinks and sources read variables as the configuration of a node does, and say what is wrong with YAML in the same words. */
import { expect, test } from "vitest";
import { CliError } from "../../src/program/cliError.ts";
import { parseSinkFile } from "../../src/sink/sinkFile.ts";
import { parseYaml } from "../../src/program/yamlFile.ts";

const refuse = (problems: readonly { readonly line: number; readonly message: string }[]) =>
  new CliError("ERR_USAGE", problems.map(({ line, message }) => `${line}: ${message}`).join("\n"));

function valueOf(text: string, env: Readonly<Record<string, string>> = {}): unknown {
  return parseYaml(text, "f.yaml", refuse, env).value;
}

test.each<[string, unknown]>([
  ["${COUNT}", 50],
  ['"${COUNT}"', "50"],
  ["${NONE:-7}", 7],
  ["${EMPTY:-true}", true],
  ["a-${COUNT}-b", "a-50-b"],
  ["$$HOME", "$HOME"],
  ["costs 5 $", "costs 5 $"],
  ["${HARMFUL}", "a: [1, 2]\nb: 3"],
])("%s is read as %j", (written, value) => {
  const env = { COUNT: "50", EMPTY: "", HARMFUL: "a: [1, 2]\nb: 3" };
  expect(valueOf(`key: ${written}\nlist:\n  - ${written}\n`, env)).toEqual({
    key: value,
    list: [value],
  });
});

test("a variable that is not set is refused with its line; keys are left alone", () => {
  expect(() => valueOf("a: 1\nb: ${NONE}\n")).toThrow("2: environment variable NONE is not set");
  expect(valueOf('"${NONE}": 1\n')).toEqual({ "${NONE}": 1 });
});

test("a file that knows no variables is left as it is", () => {
  expect(parseYaml("a: ${NONE}\n", "f.yaml", refuse).value).toEqual({ a: "${NONE}" });
});

test.each([
  ["a: 1\n---\nb: 2\n", "2: a second document begins here"],
  ["a: 1\na: 2\n", "2: this key is there twice in one mapping; remove one of the two"],
])("%j is refused in the words of the configuration", (text, words) => {
  expect(() => valueOf(text)).toThrow(words);
});

test("every key of a sink may come from the environment; a number goes without quotes", () => {
  const file = (size: string): string => `sinks:
  a:
    chunkSize: ${size}
    group: \${GROUP:-mine}
    to: { ndjson: { directory: "\${DIR}/a" } }
`;
  const env = { SIZE: "50", DIR: "/x" };
  expect(() => parseSinkFile(file('"${SIZE}"'), "f.yaml", env)).toThrow("f.yaml:3:16");
  expect(parseSinkFile(file("${SIZE}"), "f.yaml", env).sinks.get("a")).toMatchObject({
    chunkSize: 50,
    group: "mine",
    to: { ndjson: { directory: "/x/a" } },
  });
});
