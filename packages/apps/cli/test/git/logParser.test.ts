// Goal: git's output is understood however it is cut into pieces, and refused when it is something else.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseLog } from "../../src/git/logParser.ts";
import type { Commit } from "../../src/git/logParser.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const C = "c".repeat(40);
const NONE = "0".repeat(40);

const OUTPUT = [
  `\u0001${A}\x00\x00Ada\0ada@x\x00100\0first\0\n:000000 100644 ${NONE} ${A} A\0one.txt\0:000000 100644 ${NONE} ${B} A\0two\n.txt\0`,
  `\u0001${B}\0${A}\0Bob\0\x00200\0\0`,
  `\u0001${C}\0${A} ${B}\0Ada\0ada@x\x00300\0:looks like one\0\n::100644 100644 100644 ${A} ${B} ${C} MM\0one.txt\0`,
  `\u0001${A}\0${C}\0Ada\0ada@x\x00400\0last\0\n:100644 100644 ${A} ${B} R087\0one.txt\0new.txt\0:100644 000000 ${B} ${NONE} D\0two\n.txt\0`,
  `:100644 100644 ${A} ${A} C100\0new.txt\0copy.txt\0:100644 120000 ${A} ${B} T\0link`,
].join("");

async function parse(parts: readonly Uint8Array[]): Promise<Commit[]> {
  async function* pieces(): AsyncGenerator<Uint8Array, void> {
    yield* parts;
  }
  const commits: Commit[] = [];
  for await (const commit of parseLog(pieces())) commits.push(commit);
  return commits;
}

describe("parseLog", () => {
  test("reads heads, changes, renames, merges", async () => {
    const commits = await parse([Buffer.from(OUTPUT)]);
    expect(
      commits.map(({ subject, changes }) => [
        subject,
        changes.map(({ kind, path }) => `${kind} ${path}`),
      ]),
    ).toEqual([
      ["first", ["added one.txt", "added two\n.txt"]],
      ["", []],
      [":looks like one", ["modified one.txt"]],
      ["last", ["renamed new.txt", "deleted two\n.txt", "added copy.txt", "modified link"]],
    ]);
    expect(commits[2]).toMatchObject({
      parents: [A, B],
      changes: [{ before: { blob: A }, after: { blob: C } }],
    });
    expect(commits[3]?.changes[0]).toMatchObject({
      oldPath: "one.txt",
      before: { blob: A, mode: "100644" },
      after: { blob: B, mode: "100644" },
    });
    expect(commits[3]?.changes[2]).toMatchObject({
      oldPath: undefined,
      before: undefined,
      after: { blob: A, mode: "100644" },
    });
    expect(commits[1]).toMatchObject({ authorEmail: "", time: 200 });
  });

  test("however it is cut", async () => {
    const whole = await parse([Buffer.from(OUTPUT)]);
    const bytes = Buffer.from(OUTPUT);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 30 }), async (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const parts = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(await parse(parts)).toEqual(whole);
      }),
    );
  });

  test.each([
    ["no head", ":100644 100644 a b M\0x\0"],
    ["no path", `\u0001${A}\0\0n\0e\x001\0s\0\n:000000 100644 ${NONE} ${A} A`],
    ["a short change", `\u0001${A}\0\0n\0e\x001\0s\0\n:000000 100644\0x\0`],
    ["a short head", `\u0001${A}\0\0n\0`],
    ["other text", "warning: something\0"],
  ])("refuses %s", async (_what, text) => {
    await expect(parse([Buffer.from(text)])).rejects.toMatchObject({ code: "ERR_GIT_OUTPUT" });
  });
});
