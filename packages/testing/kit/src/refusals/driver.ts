/** A process that does the same thing over and over, each time with another call to the system that is refused (refusalShim.c). */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { COUNT, refusalPaths } from "./walk.ts";
import type { RefusalOutcome, RefusalPaths } from "./walk.ts";

/** Only for what hangs. */
const ATTEMPT_MS = 400_000;

export interface RefusalAttempt extends RefusalPaths {
  readonly phase: string;
  readonly errno: string;
  /** Which attempt of the phase it is, from 1 on. */
  readonly n: number;
  /** From now on calls are counted, and one of them is refused. */
  readonly arm: () => void;
  /** From now on every call about a path with this end is refused, if it may end with the errno. */
  readonly refuse: (end: string) => void;
  /** From now on none is. */
  readonly disarm: () => void;
}

export interface RefusalDriver {
  /** Makes `data`, does what the phase is about, and checks it. Rejects when harm was done. */
  readonly attempt: (attempt: RefusalAttempt) => Promise<void>;
  /** After a process that a refusal has ended: rejects unless `data` is whole. */
  readonly verify: (attempt: RefusalAttempt) => Promise<void>;
}

/** Does what the command line says: `ROOT PHASE ERRNO FROM TO`, or `ROOT PHASE verify`. Prints a line of JSON for each attempt. */
export async function driveRefusals(driver: RefusalDriver): Promise<void> {
  const [root = "", phase = "", errno = "", from = "", to = ""] = process.argv.slice(2);
  const paths = refusalPaths(root);
  const { data, control, hit } = paths;
  const at = (n: number): RefusalAttempt => ({
    ...paths,
    phase,
    errno,
    n,
    arm: () => writeFileSync(control, `${n} ${errnoNumber(errno)}`),
    refuse: (end) => writeFileSync(control, `0 ${errnoNumber(errno)} ${end}`),
    disarm: () => rmSync(control, { force: true }),
  });
  if (errno === "verify") return driver.verify(at(0));
  for (let n = Number(from); n <= Number(to); n++) {
    for (const path of [data, control, hit]) rmSync(path, { recursive: true, force: true });
    let problem: string | undefined;
    try {
      await inTime(driver.attempt(at(n)));
    } catch (error) {
      problem = String(error);
    }
    rmSync(control, { force: true });
    const found = existsSync(hit) ? readFileSync(hit, "utf8") : undefined;
    const calls = n === COUNT ? { calls: countedCalls(control) } : {};
    const outcome: RefusalOutcome = { n, hit: found, problem, ...calls };
    // LMDB prints what it has to say without ending the line.
    await said(`\n${JSON.stringify(outcome)}\n`);
    // Whatever the attempt has left running would disturb the next one, and keep this process.
    if (problem !== undefined || found === undefined) break;
  }
  process.exit(0);
}

/** Each process counts for itself: the first one that comes to the N-th call is refused it. */
function countedCalls(control: string): number {
  const begin = `${basename(control)}.count.`;
  const names = readdirSync(dirname(control)).filter((name) => name.startsWith(begin));
  return Math.max(0, ...names.map((name) => statSync(join(dirname(control), name)).size));
}

/** Resolves when the text is on its way: the process may end then. */
function said(text: string): Promise<void> {
  return new Promise((resolve) => void process.stdout.write(text, () => resolve()));
}

async function inTime(attempt: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = delay(ATTEMPT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`the attempt hangs: it is not over after ${ATTEMPT_MS} ms`);
  });
  try {
    await Promise.race([attempt, late]);
  } finally {
    late.catch(() => undefined);
    timer.abort();
  }
}

/** In the place of an errno, as refusalShim.c has it: the process is killed instead of being refused something. */
const KILLED = 1000;

function errnoNumber(name: string): number {
  if (name === "KILL") return KILLED;
  const number = Object.entries(constants.errno).find(([known]) => known === name)?.[1];
  if (number === undefined) throw new Error(`no errno ${name}`);
  return number;
}
