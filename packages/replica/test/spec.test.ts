// Goal: SPEC.md stays true. Method: its lists are read; every test that they name must exist and carry the invariant in its `Keeps` comment,
// and every invariant in such a comment must list that test.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const SPEC = readFileSync(join(import.meta.dirname, "../SPEC.md"), "utf8");

/** `L7 replica.test.ts › title`. */
type Link = string;

interface Row {
  readonly id: string;
  readonly links: readonly Link[];
}

function rows(): readonly Row[] {
  return [...SPEC.matchAll(/^- \*\*(L\d+)\*\* .+\n((?: {2}- .+\n)+)/gm)].map(
    ([, id = "", list = ""]) => ({
      id,
      links: list
        .trimEnd()
        .split("\n")
        .map((line) => `${id} ${line.replace("  - ", "").replaceAll("`", "")}`),
    }),
  );
}

/** What the tests say that they keep. */
function claims(): readonly Link[] {
  const names = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" });
  return names
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".test.ts") && name !== "spec.test.ts")
    .flatMap((name) => claimsOf(name, readFileSync(join(import.meta.dirname, name), "utf8")));
}

function claimsOf(name: string, text: string): readonly Link[] {
  return [...text.matchAll(/^ *\/\/ Keeps (.+)\.\n/gm)].flatMap((match) => {
    const after = text.slice(match.index + match[0].length);
    return (match[1] ?? "").split(", ").map((id) => `${id} ${name} › ${titleOf(after)}`);
  });
}

/** The title of the test or group that begins the text. */
function titleOf(text: string): string {
  return /"((?:[^"\\]|\\.)*)",\s*(?:async )?\(/.exec(text)?.[1] ?? "no title";
}

describe("SPEC.md", () => {
  test("numbers its invariants from 1 without gaps", () => {
    const numbers = rows().map(({ id }) => Number(id.slice(1)));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 1));
    expect(numbers.length).toBeGreaterThan(20);
  });

  test("names for every invariant the tests that keep it, and no others", () => {
    const named = rows().flatMap(({ links }) => links);
    expect(named.toSorted()).toEqual(claims().toSorted());
  });
});
