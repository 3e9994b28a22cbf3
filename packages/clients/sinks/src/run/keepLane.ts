import { ClientError } from "@annals/client";
import type { LaneGrant } from "@annals/client";
import type { RunnerClock, GroupLane } from "./ports.ts";
import { messageOf } from "../messageOf.ts";
import { classifyLogError } from "./stops.ts";

const RENEWALS_PER_LEASE = 3;

/**
 * Says again and again that the holder of a lane lives, whatever its transactions take. Resolves when the signal aborts; rejects with
 * ERR_GROUP_FENCED when the lane is lost, or has to be taken for lost because nobody heard for a whole lease.
 */
export async function keepLane(
  lane: GroupLane,
  grant: LaneGrant,
  clock: RunnerClock,
  signal: AbortSignal,
): Promise<void> {
  let heardMs = clock.now();
  for (;;) {
    await clock.sleep(grant.leaseMs / RENEWALS_PER_LEASE, signal);
    if (signal.aborted) return;
    const askedMs = clock.now();
    try {
      await lane.renew(grant, signal);
      heardMs = askedMs;
    } catch (error) {
      if (signal.aborted) return;
      if (classifyLogError(error) === "fenced") throw error;
      if (clock.now() - heardMs < grant.leaseMs) continue;
      const what = `nobody heard for ${grant.leaseMs} ms that lane ${grant.lane} is held: ${messageOf(error)}`;
      throw new ClientError("ERR_GROUP_FENCED", what, { cause: error });
    }
  }
}
