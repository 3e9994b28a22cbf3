import { z } from "zod";
import { key } from "./kinds.ts";
import { ONE_BUFFER, SUM, TIMER_MS } from "./limits.ts";

/** Keys of queries, subscriptions and consumer groups. */
export const readingKeys = {
  query: z.strictObject({
    maxHeldBytes: key.bytes("64MiB", "node", {
      greatest: SUM,
      about:
        "Bytes of answers and downloads held for clients that read slowly. At the cap: 429 with " +
        "Retry-After.",
      tooLow: "Few clients can read large pages at a time.",
      tooHigh: "Slow readers may make the node use this much memory.",
    }),
  }),
  subscribe: z.strictObject({
    maxStreams: key.count(256, "node", {
      greatest: 65_536,
      about: "Connections of the client stream. A further one gets 429.",
      tooLow: "Clients that stream are turned away.",
      tooHigh: "Each stream costs buffers of 144 KiB.",
    }),
    maxUnacked: key.count(1000, "node", {
      greatest: 1_000_000,
      about:
        "Records that one subscription on the client stream was sent and has not acknowledged. " +
        "At the cap nothing more is read for it.",
      tooLow: "A subscriber far away waits for its acknowledgements all the time.",
      tooHigh: "A consumer that fails reads up to this many records again.",
    }),
    maxBufferedBytes: key.bytes("4MiB", "node", {
      greatest: ONE_BUFFER,
      about:
        "Bytes read for one subscription that its socket has not taken. Nothing more is read " +
        "while more than half of it waits.",
      tooLow: "Pages are short: a subscriber that catches up costs more reads.",
      tooHigh: "Few slow subscribers fill subscribe.maxHeldBytes.",
    }),
    maxHeldBytes: key.bytes("32MiB", "node", {
      greatest: SUM,
      about:
        "Bytes read for all subscriptions that sockets have not taken, each page being read " +
        "counted as the largest there is. At the cap the next page waits for its turn.",
      tooLow: "Subscribers that catch up are served one after the other.",
      tooHigh: "Slow subscribers may make the node use this much memory.",
    }),
  }),
  groups: z.strictObject({
    lease: key.duration("10s", "cluster", {
      greatest: TIMER_MS,
      about:
        "How long a consumer of a group may give no sign of life before another member gets its " +
        "lane. A new leader of the log waits as long again.",
      tooLow:
        "A consumer that is held up for a moment loses its lane, and reads some records again.",
      tooHigh: "After a consumer dies, its lane is idle this long.",
    }),
  }),
};
