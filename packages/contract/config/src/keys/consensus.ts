import { z } from "zod";
import { key } from "./kinds.ts";
import { SUM } from "./limits.ts";

/** Keys of Raft: ticks, elections, and how much may be under way in one log. */
export const consensusKeys = {
  raft: z.strictObject({
    tick: key.duration("100ms", "cluster", {
      greatest: 60_000,
      about: "Length of one tick, the unit of heartbeats and elections.",
      tooLow: "Costs CPU on every node, and pauses of the process look like failures.",
      tooHigh: "A dead leader is noticed late.",
    }),
    heartbeatTicks: key.count(1, "cluster", {
      greatest: 1000,
      about: "Ticks between two heartbeats of a leader.",
      tooHigh: "Fewer heartbeats per election timeout: one that is lost or late costs an election.",
    }),
    electionTicks: key.count(10, "cluster", {
      greatest: 10_000,
      about:
        "Ticks without word from the leader before a follower campaigns; the actual wait is " +
        "drawn from once to twice this. Above heartbeatTicks.",
      tooLow: "A slow flush or a pause of the leader costs an election.",
      tooHigh: "Appends wait longer after a leader died.",
    }),
    maxUncommittedBytes: key.bytes("64MiB", "node", {
      greatest: SUM,
      about:
        "Bytes that a leader has proposed and not yet committed, per log. At the cap appends get " +
        "503 with Retry-After.",
      tooLow: "Throughput falls on links with long round trips.",
      tooHigh: "A leader without its quorum uses this much memory per log.",
    }),
    maxCommittedBytes: key.bytes("4MiB", "node", {
      greatest: SUM,
      about:
        "Bytes of committed entries handed out for applying at once, per log; the rest follows " +
        "when they are applied.",
      tooLow: "A catch-up takes more rounds.",
      tooHigh: "A log that catches up keeps the others of its worker waiting.",
    }),
  }),
};
