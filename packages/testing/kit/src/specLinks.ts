import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a package's SPEC.md and its tests say of each other. A link is `R7 paper.test.ts › title`, or without a title for a transcript. */
export interface SpecLinks {
  /** The numbers of the invariants, in the order of the page. */
  readonly numbers: readonly number[];
  /** The tests that the page names for its invariants. */
  readonly named: readonly string[];
  /** The invariants that tests and transcripts claim to keep, in a comment `Keeps R7, R8.` before their title. */
  readonly claimed: readonly string[];
}

/** Reads `SPEC.md` beside the test directory, and every test in it. `letter` begins the ids of the invariants. */
export function readSpecLinks(testDirectory: string, letter: string): SpecLinks {
  const spec = readFileSync(join(testDirectory, "../SPEC.md"), "utf8");
  const row = new RegExp(`^- \\*\\*(${letter}\\d+)\\*\\* .+\\n((?: {2}- .+\\n)+)`, "gm");
  const rows = [...spec.matchAll(row)];
  return {
    numbers: rows.map(([, id = ""]) => Number(id.slice(1))),
    named: rows.flatMap(([, id = "", list = ""]) =>
      list
        .trimEnd()
        .split("\n")
        .map((line) => `${id} ${line.replace("  - ", "").replaceAll("`", "")}`),
    ),
    claimed: claimsIn(testDirectory),
  };
}

function claimsIn(testDirectory: string): readonly string[] {
  const names = readdirSync(testDirectory, { recursive: true, encoding: "utf8" });
  return names
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => /\.(?:test\.ts|txt)$/.test(name) && name !== "spec.test.ts")
    .flatMap((name) => claimsOf(name, readFileSync(join(testDirectory, name), "utf8")));
}

function claimsOf(name: string, text: string): readonly string[] {
  return [...text.matchAll(/^ *(?:\/\/|#) Keeps (.+)\.\n/gm)].flatMap((match) => {
    const after = text.slice(match.index + match[0].length);
    const title = name.endsWith(".txt") ? "" : ` › ${titleOf(after)}`;
    return (match[1] ?? "").split(", ").map((id) => `${id} ${name}${title}`);
  });
}

/** The title of the test or group that begins the text: the first string before a comma and a function. */
function titleOf(text: string): string {
  return /"((?:[^"\\]|\\.)*)",\s*(?:async )?\(/.exec(text)?.[1] ?? "no title";
}
