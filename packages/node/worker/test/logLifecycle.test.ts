/**
 * Goal: a log whose write has failed is served again only with what was flushed before it. Method: a log on disk that is kept alone, whose
 * store fails at the word of the test, and has flushed more than the disk still holds, or has not.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ledger } from "@annals/flow";
import { mustLoad } from "@annals/kit";
import { asIndex, asMemberId } from "@annals/raft";
import { StampClock } from "@annals/replica";
import { AnnouncedBytes, StorageError, TailScanner } from "@annals/storage";
import { Permits } from "@annals/transport";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { FromWorker } from "../src/lane/messages.ts";
import type { HostedLog } from "../src/hostedLog.ts";
import { LogLifecycle } from "../src/logLifecycle.ts";

const SELF = asMemberId(1);
/** Its files are read by a child process before they are opened again. */
const WAIT = { timeout: 20_000 };

let directory: string;
let kept: LogLifecycle;
let told: FromWorker[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-kept-"));
  told = [];
  kept = new LogLifecycle({
    logId: 2,
    name: "audit",
    voters: [SELF],
    campaign: false,
    decision: undefined,
    scanned: true,
    blobPermits: new Permits(1),
    announced: new AnnouncedBytes(),
    scanner: new TailScanner(),
    ledger: new Ledger(),
    setup: {
      config: mustLoad({ text: `data: ${directory}\n` }),
      clusterId: "x",
      fingerprint: "f",
      self: SELF,
      isolated: false,
      heapBytes: 64 << 20,
    },
    stamps: new StampClock({
      clock: { now: () => performance.now(), wallTime: () => Date.now() },
      maxSkewMs: 5000,
      hasPeers: false,
    }),
    members: () => [{ node: "a", member: SELF, address: "127.0.0.1:1" }],
    send: (message) => void told.push(message),
    congested: () => false,
    heldReplies: new Set(),
    onUnexpected: () => undefined,
  });
});
afterEach(async () => {
  await kept.close();
  await rm(directory, { recursive: true });
});

const kinds = (): readonly string[] => told.map(({ kind }) => kind);

async function opened(times: number): Promise<HostedLog> {
  await expect.poll(() => kinds().filter((kind) => kind === "opened"), WAIT).toHaveLength(times);
  const { hosted } = kept;
  if (hosted === undefined) throw new Error("the log is not open");
  return hosted;
}

function failWrite({ store, replica }: HostedLog): void {
  store.write = () => Promise.reject(new StorageError("ERR_STORAGE_FAILED", "EIO"));
  replica.campaign();
}

it("is opened again when the disk holds what was flushed", async () => {
  const first = await opened(1);
  failWrite(first);
  const again = await opened(2);
  expect(again).not.toBe(first);
  expect(kinds()).not.toContain("openFailed");
});

it("is damaged, and not served, when the disk holds less than was flushed", async () => {
  const first = await opened(1);
  const { index, ...others } = first.store.durable();
  first.store.durable = () => ({ ...others, index: asIndex(index + 1) });
  failWrite(first);
  await expect.poll(() => kinds(), WAIT).toContain("openFailed");
  expect(told.find(({ kind }) => kind === "openFailed")).toMatchObject({
    error: { code: "ERR_LOG_DAMAGED" },
  });
  expect(kept.hosted).toBeUndefined();
});
