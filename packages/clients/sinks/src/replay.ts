import type { LaneGrant } from "@annals/client";
import { recordHash } from "./recordHash.ts";
import type { GroupLane, LogSource } from "./run/ports.ts";
import type { Sink } from "./sink.ts";

/**
 * Moves a sink's stored cursor to `to`, back or forward, so that its runner goes on behind that record. What is in the database stays, and
 * is passed over where it is the same. Cursor and data that have parted belong together again. Resolves with where the cursor was,
 * undefined without one. Rejects with ERR_GROUP_HELD while a runner has the lane.
 */
export async function replay<Mutation>(
  sink: Sink<Mutation>,
  source: LogSource,
  lane: GroupLane,
  to: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const grant: LaneGrant = await lane.acquire(signal);
  try {
    await sink.adopt?.(signal);
    const expected = await sink.open(signal);
    if (expected === undefined) return undefined;
    const record = to < 1 ? undefined : await source.record(to, signal);
    const next = {
      ...expected,
      seq: record === undefined ? 0 : to,
      part: 0,
      anchor: 0,
      epoch: grant.token,
      recordHash: record === undefined ? "" : recordHash(record),
    };
    await sink.apply({ expected, next, mutations: [], records: 0, bytes: 0 }, signal);
    return expected.seq;
  } finally {
    await sink.close();
    await lane.release(grant).catch(() => undefined);
  }
}
