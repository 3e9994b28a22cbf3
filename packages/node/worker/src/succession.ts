import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { NOBODY } from "@annals/raft";
import type { Replica } from "@annals/replica";

/** Within so many ticks after the leader was found to be gone each follower stands: most likely one well before the next. */
const SUCCESSION_TICKS = 3;
/** Two that stood at once have each got their own vote: they stand again soon, so many times, before the election timeout decides. */
const SUCCESSION_TRIES = 4;

/** A leader that can be reached is heard of by then. */
const HEARTBEATS_AWAITED = 3;
/** How long a leader that steps down waits for another one to take over. */
const HAND_OVER_MS = 2000;
const HAND_OVER_POLL_MS = 20;

/** The leader is gone. All who know it forget it at once, and stand for election at different times. `tickMs`: of the core. */
export function succeed(replica: Replica, tickMs: number): void {
  replica.reportUnreachable(replica.leader, true);
  standSoon(replica, tickMs, 0, SUCCESSION_TRIES);
}

/**
 * The log was opened, or another member can be reached again, and nobody is known to lead. A leader would be heard of within a few of its
 * heartbeats; if none is, somebody stands, well before the timeouts do. A new log, in which nobody was elected yet, has a member that is to
 * lead it first.
 */
export function standUnlessLed(
  replica: Replica,
  { tick, heartbeatTicks }: Readonly<Record<"tick" | "heartbeatTicks", number>>,
): void {
  if (replica.leader !== NOBODY || replica.status().raft.term === 0) return;
  standSoon(replica, tick, HEARTBEATS_AWAITED * heartbeatTicks * tick, SUCCESSION_TRIES);
}

function standSoon(replica: Replica, tickMs: number, afterMs: number, tries: number): void {
  const stand = (): void => {
    if (replica.leader !== NOBODY) return;
    replica.campaign();
    if (tries > 1) standSoon(replica, tickMs, tickMs, tries - 1);
  };
  setTimeout(stand, afterMs + randomInt(SUCCESSION_TICKS * tickMs)).unref();
}

/** A leader passes its log on; resolves when it has, or in vain. */
export async function handOver(replica: Replica): Promise<void> {
  const deadline = performance.now() + HAND_OVER_MS;
  if (replica.role !== "leader" || replica.transferLeadership() === undefined) return;
  while (replica.role === "leader" && performance.now() < deadline) await delay(HAND_OVER_POLL_MS);
}
