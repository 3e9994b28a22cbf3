/**
 * A process that opens LMDB files which may end it by a signal. Prints JSON lines: `{segment}` before each one is opened,
 * `{problem}` for what a full check finds, `{exam}` for what an exam of several segments tells, and at the end
 * `{done}` or `{error: {code, message, details}}`; `tails` prints that once a directory.
 *
 *     scanMain tails                 (reads directories, a JSON text a line, from stdin until it ends)
 *     scanMain exam|scrub DIRECTORY WANTED_INDEX SEAL_JSON FIRST_INDEX…
 *     scanMain segment DIRECTORY FIRST_INDEX SEAL_JSON WANTED_INDEX
 *     scanMain salvage DIRECTORY FIRST_INDEX LAST_INDEX entries|derived TARGET MIN_FREE_BYTES
 */
import { constants, setPriority } from "node:os";
import { createInterface } from "node:readline";
import { AnnalsError } from "@annals/record";
import { DiskFloor } from "../disk/diskFloor.ts";
import { refusalOr } from "../disk/diskRefusal.ts";
import { examine } from "./exam.ts";
import { salvageDerived, salvageEntries } from "../repair/salvage.ts";
import { listSegments, segmentName } from "../segments/segmentDirectory.ts";
import { scanSegment } from "./segmentScan.ts";
import { checkBeforeServing } from "./tailCheck.ts";

function print(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function scan(): Promise<unknown> {
  const [mode = "", directory = "", first = "", ...rest] = process.argv.slice(2);
  if (mode === "scrub") setPriority(constants.priority.PRIORITY_LOW);
  if (mode === "exam" || mode === "scrub") {
    const [seal = "", ...firsts] = rest;
    const end = seal === "" ? undefined : JSON.parse(seal);
    await examine(directory, firsts.map(Number), end, Number(first), (exam) => print({ exam }));
    return {};
  }
  print({ segment: segmentName(Number(first)) });
  if (mode === "salvage") {
    const [last = "", what = "", target = "", minFreeBytes = ""] = rest;
    if (what === "derived") return salvageDerived(directory, Number(first));
    const floor = new DiskFloor(directory, Number(minFreeBytes));
    return salvageEntries(directory, Number(first), Number(last), target, floor);
  }
  const [seal = "", wanted = ""] = rest;
  return scanSegment(
    directory,
    Number(first),
    seal === "" ? undefined : JSON.parse(seal),
    Number(wanted),
    (problem) => print({ problem }),
  );
}

async function checkTails(directory: string): Promise<unknown> {
  const firsts = await listSegments(directory);
  await checkBeforeServing(directory, firsts, (segment) => print({ segment }));
  return {};
}

async function report(directory: string, work: () => Promise<unknown>): Promise<void> {
  try {
    print({ done: await work() });
  } catch (thrown) {
    printError(refusalOr(thrown, directory));
  }
}

function printError(error: unknown): void {
  const code = error instanceof AnnalsError ? error.code : "ERR_LOG_DAMAGED";
  const details = error instanceof AnnalsError ? error.details : {};
  const message = error instanceof Error ? error.message : String(error);
  print({ error: { code, message, details } });
}

if (process.argv[2] === "tails") {
  for await (const line of createInterface({ input: process.stdin })) {
    const directory: string = JSON.parse(line);
    await report(directory, () => checkTails(directory));
  }
} else await report(process.argv[3] ?? "", scan);
