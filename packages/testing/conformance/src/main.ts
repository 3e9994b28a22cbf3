import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { wrongUsage } from "@annals/kit";
import { type Difference, KINDS, type Kind, type RunOptions, runFile } from "./runFile.ts";

const USAGE = `usage: pnpm conformance DIR [--ignore-log-lines]

Runs every *.txt file below DIR against the Raft core and prints one line a file and a total. The folder that a file is in
tells its kind: ${KINDS.join(", ")}.

  --ignore-log-lines  compare without the lines that nodes would have logged

examples:
  pnpm conformance packages/core/raft/test/transcripts
  pnpm conformance ~/raft/testdata --ignore-log-lines

exit code: 0 all passed, 1 a file failed, 2 wrong usage or no file found`;

interface Arguments extends RunOptions {
  readonly directory: string;
}

process.exitCode = main(process.argv.slice(2));

function main(argv: readonly string[]): number {
  if (argv.includes("--help") || argv.includes("-h")) {
    console.log(USAGE);
    return 0;
  }
  const parsed = parseArguments(argv);
  if (typeof parsed === "string") return wrongUsage("pnpm conformance", parsed);
  const files = listFiles(parsed.directory);
  if (typeof files === "string") return wrongUsage("pnpm conformance", files);

  let failed = 0;
  for (const file of files) {
    const problem = check(file, parsed);
    const label = relative(parsed.directory, file.path);
    console.log(problem === undefined ? `ok ${label}` : `FAIL ${label}\n${problem}`);
    if (problem !== undefined) failed += 1;
  }
  console.log(`${files.length - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

function parseArguments(argv: readonly string[]): Arguments | string {
  const directories: string[] = [];
  let ignoreLogLines = false;
  for (const arg of argv) {
    if (arg === "--ignore-log-lines") ignoreLogLines = true;
    else if (arg === "--") continue;
    else if (arg.startsWith("-")) return `unknown option ${arg}`;
    else directories.push(arg);
  }
  const [directory, ...more] = directories;
  if (directory === undefined) return "DIR is missing";
  if (more.length > 0) return `one DIR only, not also ${more.join(" ")}`;
  return { directory, ignoreLogLines };
}

interface File {
  readonly path: string;
  readonly kind: Kind | undefined;
}

/** Every transcript below the directory, in the order of paths. */
function listFiles(directory: string): readonly File[] | string {
  const stat = statSync(directory, { throwIfNoEntry: false });
  if (stat === undefined) return `${directory}: no such directory`;
  if (!stat.isDirectory()) return `${directory}: not a directory`;
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => join(directory, name))
    .filter((path) => path.endsWith(".txt") && statSync(path).isFile())
    .map((path) => ({ path, kind: kindOf(path) }));
  return files.length > 0 ? files : `${directory}: no *.txt file below it`;
}

/** The nearest folder with the name of a kind decides. */
function kindOf(path: string): Kind | undefined {
  const folders = dirname(resolve(path)).split(sep).toReversed();
  for (const folder of folders) {
    const kind = KINDS.find((known) => known === folder);
    if (kind !== undefined) return kind;
  }
  return undefined;
}

function check({ path, kind }: File, options: RunOptions): string | undefined {
  if (kind === undefined) return `  in no folder named ${KINDS.join(", ")}`;
  try {
    const { difference } = runFile(kind, readFileSync(path, "utf8"), options);
    return difference === undefined ? undefined : describeDifference(path, difference);
  } catch (error) {
    return `  ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The lines around the first one that differs. */
function describeDifference(path: string, difference: Difference): string {
  const expected = difference.expected.split("\n");
  const actual = difference.actual.split("\n");
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at += 1;
  const context = expected.slice(Math.max(0, at - 3), at).map((line) => `    ${line}`);
  const wanted = expected.slice(at, at + 6).map((line) => `  - ${line}`);
  const found = actual.slice(at, at + 6).map((line) => `  + ${line}`);
  const where = `  ${path}:${difference.line} ${difference.command}, line ${at + 1} of its output (- expected, + actual)`;
  return [where, ...context, ...wanted, ...found].join("\n");
}
