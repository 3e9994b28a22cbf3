import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packages, ROOT, sources } from "./packages.ts";

/** Of each package: what there still is of something that is to go. A number may only fall. */
const FILE = "scripts/tidy/ratchets.json";
const COLUMNS = 100;
const HEADLESS =
  /^\s*\/\*\* (?:Of|What|Whoever|Whatever|Whom|By|With|Those|Their|They|Its|It|The same) /;
const COUNTED = ["casts", "wideLines", "headless"] as const;
const NONE: Counts = { casts: 0, wideLines: 0, headless: 0 };

interface Counts {
  /** Type assertions: each says something that the compiler cannot check. `as const` is none. */
  readonly casts: number;
  /** Lines with more than 100 columns. */
  readonly wideLines: number;
  /** Doc comments that lean on the name below them, or are the end of a sentence: "Of the log." says of what, and not what. */
  readonly headless: number;
}

type Ratchets = Readonly<Record<string, Counts>>;

function countsOf(directory: string): Counts {
  const lines = sources(join(directory, "src")).flatMap((file) =>
    readFileSync(join(ROOT, file), "utf8").split("\n"),
  );
  return {
    casts: lines.reduce((sum, line) => sum + castsIn(line), 0),
    wideLines: lines.filter(({ length }) => length > COLUMNS).length,
    headless: lines.filter((line) => HEADLESS.test(line)).length,
  };
}

function castsIn(line: string): number {
  // Neither texts nor comments, nor the new names of imports.
  const code = line.replace(/\/\/.*|^\s*\/?\*.*/, "").replaceAll(/"[^"]*"|`[^`]*`/g, "");
  if (/^\s*(?:import\b|export (?:type )?[{*])|^\s*\}? ?from /.test(code)) return 0;
  return [...code.matchAll(/\bas (?!const\b)[A-Za-z{([]/g)].length;
}

function read(): Ratchets {
  return JSON.parse(readFileSync(join(ROOT, FILE), "utf8"));
}

/** A number that has risen is a finding; one that has fallen is one, too, so that it cannot rise again. */
export function checkRatchets(): readonly string[] {
  const known = read();
  return packages().flatMap(({ directory }) => {
    const now = countsOf(directory);
    const before = known[directory] ?? NONE;
    return COUNTED.flatMap((what) => {
      const [is, was] = [now[what], before[what]];
      if (is > was) return [`${directory}: ${is} ${NAMES[what]}, at most ${was}`];
      if (is === was) return [];
      return [
        `${directory}: ${is} ${NAMES[what]}, fewer than ${was}: \`pnpm tidy --lower\` notes it`,
      ];
    });
  });
}

const NAMES = {
  casts: "type assertions (`as`)",
  wideLines: `lines over ${COLUMNS} columns`,
  headless: "doc comments without a noun or a verb at their head",
};

/** Notes every number that has fallen. */
export function lowerRatchets(): void {
  const known = read();
  const lowered = packages().map(({ directory }): [string, Counts] => {
    const now = countsOf(directory);
    const before = known[directory] ?? NONE;
    const lower = (what: keyof Counts): number => Math.min(now[what], before[what]);
    const counts = {
      casts: lower("casts"),
      wideLines: lower("wideLines"),
      headless: lower("headless"),
    };
    return [directory, counts];
  });
  writeFileSync(join(ROOT, FILE), `${JSON.stringify(Object.fromEntries(lowered), null, 2)}\n`);
}
