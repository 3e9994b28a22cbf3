/** A node, over and over, each time with another call to the system that is refused. A client of it tries again for as long as it is told to. */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual, promisify } from "node:util";
import { driveRefusals } from "@annals/kit";
import type { RefusalAttempt } from "@annals/kit";
import { LASTING } from "./lasting.ts";
import { BASE_RECORDS, BLOB, BLOB_DIGEST, recordOf } from "./points.ts";
import { NodeEnded, RefusedNode } from "./refusedNode.ts";

const EXTRA = "extra";
/** In the directory of a run: what was acknowledged before the node ended. */
const ACKNOWLEDGED = "acknowledged.json";
const POLL_MS = 10;
/** Only for what hangs. */
const TELL_MS = 120_000;
/** Lines with one reason: of the start, of a log, and of an earlier one that a look between two of its files has given. */
const TOLD_MAX = 3;
const QUARANTINE = "quarantine-20260101T000000Z";

/** What a node has acknowledged: it must be there after everything. */
interface Acknowledged {
  readonly log: string;
  readonly record: object;
}

const NUMBERED: readonly Acknowledged[] = Array.from({ length: BASE_RECORDS }, (_, number) => ({
  log: "audit",
  record: recordOf(number),
}));
const NAMING: Acknowledged = {
  log: "audit",
  record: { ...recordOf(7), attachments: [{ sha256: BLOB_DIGEST, bytes: BLOB.length }] },
};

const BEGUN_ANEW = new Set(["birth", "quarantine"]);

/** What is there before anything is refused. */
function atFirst({ phase }: RefusalAttempt): readonly Acknowledged[] {
  return BEGUN_ANEW.has(phase) ? [] : NUMBERED;
}

function prepare({ phase, base, data }: RefusalAttempt): void {
  if (phase === "birth") return;
  cpSync(base, data, { recursive: true });
  if (phase !== "quarantine") return;
  // A crash has cut it behind the first of its moves.
  const path = join(data, QUARANTINE);
  mkdirSync(path);
  writeFileSync(join(path, "moving"), "");
  renameSync(join(data, "node.json"), join(path, "node.json"));
}

/** What the phase is about. Resolves with what was acknowledged. */
async function work(node: RefusedNode, phase: string): Promise<readonly Acknowledged[]> {
  const one = { log: phase === "create" ? EXTRA : "audit", record: recordOf(8) };
  if (phase === "create") await node.untilCreated(EXTRA);
  if (phase === "blob") await node.untilUploaded("audit", BLOB_DIGEST, new Uint8Array(BLOB));
  const added = phase === "blob" ? NAMING : one;
  await node.untilStored(added.log, added.record);
  return [added];
}

const SERVED = new Set(["blob", "create"]);

async function attempt(at: RefusalAttempt): Promise<void> {
  if (at.phase === "lasting") return attemptLasting(at);
  const { phase, data, arm, disarm } = at;
  prepare(at);
  rmSync(join(dirname(data), ACKNOWLEDGED), { force: true });
  const acknowledged = [...atFirst(at)];
  const before = identityOf(data);
  let ended = false;
  if (!SERVED.has(phase)) arm();
  try {
    const node = await RefusedNode.start(data);
    if (SERVED.has(phase)) {
      await node.untilReady();
      arm();
    }
    await assertShows(node, acknowledged);
    acknowledged.push(...(await work(node, phase)));
    await node.untilReady();
    await node.close();
  } catch (error) {
    if (!(error instanceof NodeEnded)) throw error;
    const said = /\bE[A-Z]{2,}\b/.test(error.message.replaceAll(/ERR_[A-Z_]+/g, ""));
    if (!said || !error.message.includes(data))
      throw new Error(`the node ended without errno or path: ${error.message}`, { cause: error });
    ended = true;
  }
  disarm();
  if (ended) return verifyElsewhere(at, acknowledged);
  if (!BEGUN_ANEW.has(phase) && identityOf(data) !== before)
    throw new Error("the node is another member");
  await assertWhole(at, acknowledged);
}

/** A node that has ended by itself leaves its process to the end of it: LMDB has its files still open. */
async function verifyElsewhere(
  { data, phase }: RefusalAttempt,
  acknowledged: readonly Acknowledged[],
): Promise<void> {
  const root = dirname(data);
  writeFileSync(join(root, ACKNOWLEDGED), JSON.stringify(acknowledged));
  const { LD_PRELOAD: _, ...env } = process.env;
  const args = [import.meta.filename, root, phase, "verify"];
  await promisify(execFile)(process.execPath, args, { env });
}

function acknowledgedBefore(at: RefusalAttempt): readonly Acknowledged[] {
  const path = join(dirname(at.data), ACKNOWLEDGED);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : atFirst(at);
}

/** A restart without refusals serves what was acknowledged; nothing is damaged or put aside, and the member is the same. */
async function assertWhole(
  at: RefusalAttempt,
  acknowledged: readonly Acknowledged[],
): Promise<void> {
  const { data, phase } = at;
  const before = identityOf(data);
  const node = await RefusedNode.start(data);
  await node.untilReady();
  await assertShows(node, acknowledged);
  await work(node, phase);
  await node.close();
  if (before?.includes("certificate") === true && identityOf(data) !== before)
    throw new Error("the node is another member");
  const aside = readdirSync(data, { recursive: true, encoding: "utf8" }).filter((name) =>
    /^quarantine-[^/]*$|\.damaged$/.test(name),
  );
  const wanted = phase === "quarantine" ? [QUARANTINE] : [];
  if (!isDeepStrictEqual(aside, wanted)) throw new Error(`left behind: ${aside.join(", ")}`);
  if (phase === "quarantine") assertPutAside(at);
}

/** What the crash has left to move is in the quarantine, and nothing of it in the node that has begun anew. */
function assertPutAside({ base, data }: RefusalAttempt): void {
  const path = join(data, QUARANTINE);
  const names = readdirSync(base).filter((name) => name !== "lock");
  if (!isDeepStrictEqual(readdirSync(path).toSorted(), names.toSorted()))
    throw new Error(`the quarantine holds ${readdirSync(path).join(", ")}`);
  for (const name of ["node.json", "catalog.json", "logs/2/sidecar"])
    if (!readFileSync(join(path, name)).equals(readFileSync(join(base, name))))
      throw new Error(`${name} in the quarantine is another one`);
}

/** A refusal that lasts is a state: the node lives, says errno and path once, serves what it can, and goes on by itself when it is over. */
async function attemptLasting(at: RefusalAttempt): Promise<void> {
  const { data, errno, n, refuse, disarm } = at;
  const lasting = LASTING[errno]?.[n - 1];
  if (lasting === undefined) return;
  prepare(at);
  const before = identityOf(data);
  const path = join(data, lasting.below);
  refuse(path);
  const lines: string[] = [];
  const starting = RefusedNode.start(data, lines);
  const reason = [errno, path];
  if (lasting.leaves === "nothing") await untilTold(lines, reason);
  else {
    const node = await starting;
    await node.untilSaid(reason);
    if (lasting.leaves === "reads") await assertShows(node, NUMBERED);
  }
  disarm();
  const node = await starting;
  const added = await work(node, at.phase);
  await node.untilReady();
  await node.close();
  const told = lines.filter((line) => reason.every((text) => line.includes(text)));
  if (told.length > TOLD_MAX) throw new Error(`told again and again: ${told.join("")}`);
  if (identityOf(data) !== before) throw new Error("the node is another member");
  await assertWhole(at, [...NUMBERED, ...added]);
}

async function untilTold(lines: readonly string[], texts: readonly string[]): Promise<void> {
  const deadline = performance.now() + TELL_MS;
  while (!lines.some((line) => texts.every((text) => line.includes(text)))) {
    if (performance.now() > deadline) throw new Error(`not told: ${lines.join("")}`);
    await delay(POLL_MS);
  }
}

function identityOf(data: string): string | undefined {
  const path = join(data, "node.json");
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** The records are there, in their order; others may be between them, such as repeats. */
async function assertShows(node: RefusedNode, wanted: readonly Acknowledged[]): Promise<void> {
  for (const log of new Set(wanted.map((one) => one.log))) {
    const here = wanted.filter((one) => one.log === log).map(({ record }) => record);
    const found = await node.records(log, here.length);
    let from = 0;
    for (const record of here) {
      const at = found.findIndex((one, place) => place >= from && holds(one, record));
      if (at < 0) throw new Error(`${JSON.stringify(record)} is not in ${JSON.stringify(found)}`);
      from = at + 1;
    }
  }
}

function holds(found: Readonly<Record<string, unknown>>, record: object): boolean {
  return Object.entries(record).every(([key, value]) => isDeepStrictEqual(found[key], value));
}

await driveRefusals({ attempt, verify: (at) => assertWhole(at, acknowledgedBefore(at)) });
