/**
 * Goal: on a stopped node somebody sees what its copy of a log is, and decides which copy is kept, by the members that the nodes are now.
 * Method: the data directory of a node of three, written by its own parts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chainOf, cycleOf, hardState, noopEntry, plainEntries } from "@annals/kit";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Entry } from "@annals/raft";
import { openLogStore, readEmptied } from "@annals/storage";
import { encodeCommand, SYSTEM_LOG_ID } from "@annals/system";
import type { SystemCommand } from "@annals/system";
import pino from "pino";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import { CatalogFile, knownLogs } from "../src/catalogFile.ts";
import { DataLock } from "../src/dataLock.ts";
import { NodeIdentity } from "../src/identity.ts";
import { OfflineLog } from "../src/offlineResolve.ts";

const SEGMENT_BYTES = 2 ** 20;
const DECISION = { by: "ada", at: 1000 };
const LOG_ID = 5;
const AUDIT = plainEntries(1, 3, 2);
const decided = { index: 17, keep: "b", member: asMemberId(2), by: "bob", at: 0, judged: 17 };

let data: string;
let self: number;

function membershipOf(voters: readonly number[]) {
  return {
    voters: voters.map(asMemberId).toSorted((a, b) => a - b),
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
}

async function write(logId: number, entries: readonly Entry[]): Promise<void> {
  const store = await openLogStore({
    directory: join(data, "logs", String(logId)),
    logId,
    segmentBytes: SEGMENT_BYTES,
    initial: { membership: membershipOf([self, 2, 3]) },
    scanFirst: false,
  });
  // Only the first is known to be committed.
  await store.write(cycleOf({ entries, hardState: hardState(2, 1, 1) }));
  await store.close();
}

function command(index: number, value: SystemCommand): Entry {
  const data = encodeCommand(value);
  return { index: asIndex(index), term: asTerm(2), kind: "command", data };
}

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "annals-offline-"));
  const identity = await NodeIdentity.open(data, "a");
  self = identity.member;
  const members = [self, 2, 3].map((member, k) => ({
    node: "abc".charAt(k),
    member: asMemberId(member),
  }));
  await identity.bind({ clusterId: "c", cluster: "test", members, logs: ["audit"] });
  const voters = members.map(({ member }) => member).toSorted((a, b) => a - b);
  const entry = { id: LOG_ID, name: "audit", voters };
  const known = { ...entry, decision: { ...decided, pending: [asMemberId(3)] } };
  await new CatalogFile(data, pino({ level: "silent" })).save([known]);
  await write(SYSTEM_LOG_ID, [
    noopEntry(1, 2),
    command(2, { op: "replaceMember", node: "b", member: asMemberId(8) }),
    command(3, { op: "replaceMember", node: "c", member: asMemberId(9) }),
  ]);
  await write(LOG_ID, AUDIT);
});
afterEach(() => rm(data, { recursive: true, force: true }));

function withLog<T>(log: string, work: (log: OfflineLog) => Promise<T>): Promise<T> {
  return OfflineLog.with({ data, log, segmentBytes: SEGMENT_BYTES }, work);
}

it("describes the copy that is here, and knows the members that the nodes are now, committed or not", async () => {
  const logger = pino({ level: "silent" });
  await withLog("audit", async (log) => {
    // Nobody else may have the data open meanwhile.
    await expect(DataLock.take(data, logger)).rejects.toMatchObject({ code: "ERR_DATA_IN_USE" });
    expect(["a", "b", "c"].map((node) => log.assertKnown(node))).toEqual([self, 8, 9]);
    expect(() => log.assertKnown("x")).toThrow(
      expect.objectContaining({ code: "ERR_NODE_UNKNOWN" }),
    );
    expect(await log.describe()).toMatchObject({
      node: "a",
      member: self,
      log: "audit",
      logId: LOG_ID,
      directory: join(data, "logs", String(LOG_ID)),
      copy: {
        lastIndex: 3,
        lastTerm: 2,
        lastSeq: 3,
        commitIndex: 1,
        headHash: chainOf(AUDIT),
        aside: [],
      },
    });
  });
  (await DataLock.take(data, logger)).release();
});

it("says why a copy cannot be opened", async () => {
  await rm(join(data, "logs", String(LOG_ID), "sidecar"));
  const { copy } = await withLog("audit", (log) => log.describe());
  expect(copy).toEqual({ unreadable: expect.stringContaining("sidecar") });
});

it("puts the copy aside for another node's, and does so once", async () => {
  const resolve = () => withLog("audit", (log) => log.resolve({ keep: "b", ...DECISION }));
  const first = await resolve();
  expect(first).toEqual({ kept: false, aside: expect.any(String) });
  expect(await readEmptied(join(data, "logs", String(LOG_ID)))).toEqual({ node: "b", member: 8 });
  expect(await resolve()).toEqual({ kept: false, aside: undefined });
  // Of this log a decision was known before: that stays until _system says otherwise.
  expect(await knownLogs(data)).toMatchObject([{ decision: decided }]);
});

it("keeps the copy that is here, as committed to its end", async () => {
  await withLog("audit", async (log) => {
    const outcome = await log.resolve({ keep: "a", ...DECISION });
    expect(outcome).toEqual({ kept: true, aside: undefined });
    expect((await log.describe()).copy).toMatchObject({ lastIndex: 3, commitIndex: 3, aside: [] });
  });
});

it("gives up what was decided with the copy of _system that decided it, and the members stay known", async () => {
  await withLog("_system", (log) => log.resolve({ keep: "c", ...DECISION }));
  const [audit, ...more] = await knownLogs(data);
  expect(more).toEqual([]);
  expect(audit).toMatchObject({ id: LOG_ID, name: "audit", voters: [2, 3, self] });
  expect(audit?.decision).toBeUndefined();
  expect(await withLog("audit", async (log) => log.assertKnown("b"))).toBe(8);
});

test.each([
  ["a log that nobody has", "ERR_DATA_WITHOUT_LOG", "orders"],
  ["a directory of no node", "ERR_DATA_UNBORN", "audit"],
])("%s is named", async (_what, code, log) => {
  if (code === "ERR_DATA_UNBORN") await rm(join(data, "node.json"));
  await expect(withLog(log, async () => undefined)).rejects.toMatchObject({ code });
});
