import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packages, ROOT, sources } from "./packages.ts";

/**
 * No clock, randomness or promise in here: purity is compiled where the compiler can, and searched for where it cannot. A given time may be
 * written as a date.
 */
const PURE_GROUP = "core";
const BANNED_IN_PURE = [
  /\bMath\.random\b/,
  /\bDate\b(?!\()|(?<!\bnew )\bDate\(|\bDate\(\)/,
  /\bPromise\b/,
  /\bsetTimeout\b/,
  /\bconsole\b/,
];

const LINES_MAX = 400;
const COLUMNS_MAX = 140;

function checkFile(file: string, pure: boolean): readonly string[] {
  const findings: string[] = [];
  const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
  if (lines.length > LINES_MAX)
    findings.push(`${file}: ${lines.length} lines, at most ${LINES_MAX}`);
  for (const [number, line] of lines.entries()) {
    const where = `${file}:${number + 1}`;
    if (line.length > COLUMNS_MAX)
      findings.push(`${where}: ${line.length} columns, at most ${COLUMNS_MAX}`);
    if (/\b(?:TODO|FIXME|XXX)\b/.test(line)) findings.push(`${where}: leftover marker`);
    const code = line.replace(/\/\/.*|^\s*\/?\*.*/, "");
    if (pure && BANNED_IN_PURE.some((word) => word.test(code)))
      findings.push(`${where}: clocks, randomness and promises are injected here: ${code.trim()}`);
  }
  return findings;
}

/** Lengths of files and lines, leftover markers, and what a pure package may not use. */
export function checkTexts(): readonly string[] {
  return packages().flatMap((of) =>
    sources(join(of.directory, "src")).flatMap((file) => checkFile(file, of.group === PURE_GROUP)),
  );
}
