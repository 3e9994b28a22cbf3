import { z } from "zod";
import { ENTRIES_MAX, MESSAGES_MAX } from "@annals/wire";
import { key } from "./kinds.ts";
import { ONE_BUFFER, SUM } from "./limits.ts";

/** Keys of the links between nodes: AppendEntries, the queues of a follower, blobs. */
export const replicationKeys = {
  replication: z.strictObject({
    append: z.strictObject({
      maxEntries: key.count(64, "node", {
        greatest: ENTRIES_MAX / 4,
        about: "Entries in one AppendEntries message; the rest goes in the next one.",
        tooLow: "Small batches travel in many messages.",
        tooHigh:
          "Bytes are the bound that matters; this one saves followers from many tiny entries at " +
          "once.",
      }),
      maxBytes: key.bytes("4MiB", "node", {
        greatest: ONE_BUFFER,
        about: "Bytes of one AppendEntries message; a single larger entry still travels alone.",
        tooLow: "Below batch.maxBytes nothing fits.",
        tooHigh: "One message keeps a link busy and a follower's memory full for long.",
      }),
      maxInflightMessages: key.count(32, "node", {
        greatest: MESSAGES_MAX / 4,
        about:
          "AppendEntries messages on their way to one follower; at the cap the leader waits for " +
          "acknowledgements.",
        tooLow: "Throughput is this many messages per round trip.",
        tooHigh: "A slow follower costs more memory on both sides.",
      }),
      maxInflightBytes: key.bytes("16MiB", "node", {
        greatest: SUM,
        about:
          "Bytes on their way to one follower; at the cap the leader waits for acknowledgements.",
        tooLow: "Throughput is this many bytes per round trip.",
        tooHigh: "A slow follower costs more memory on both sides.",
      }),
    }),
    maxMessageBytes: key.bytes("8MiB", "cluster", {
      greatest: 2 * ONE_BUFFER,
      about:
        "Largest WebSocket frame between nodes. A larger one closes the link with a named error.",
      tooLow: "Below append.maxBytes plus 64KiB of framing, accepted entries could not be sent.",
      tooHigh: "A peer that misbehaves makes the node hold this much per link.",
    }),
    receive: z.strictObject({
      eventHighWaterMark: key.count(100, "node", {
        greatest: ENTRIES_MAX,
        about:
          "Entries that are decoded and not yet given to the log, per link. At the cap decoding " +
          "stops (`event-queue`) until half of them are.",
        tooLow: "Decoding stops and starts all the time.",
        tooHigh: "More memory per link.",
      }),
      maxQueueBytes: key.bytes("32MiB", "node", {
        greatest: SUM,
        about:
          "Bytes received and not yet flushed, per link. The leader gets credit for that many; a " +
          "link that brings more is paused.",
        tooLow: "Below append.maxInflightBytes the leader's window can never be used.",
        tooHigh: "More memory per link.",
      }),
      maxCommitBacklog: key.count(150, "node", {
        greatest: ENTRIES_MAX,
        about:
          "Entries given to the log and not flushed, per link. At the cap decoding stops " +
          "(`commit-backlog`).",
        tooLow: "A follower flushes few entries at a time.",
        tooHigh: "A slow disk costs more memory.",
      }),
      yieldAfter: key.duration("10ms", "node", {
        greatest: 1000,
        about: "How long decoding may run before heartbeats get their turn. Below one tick.",
        tooLow: "Throughput falls.",
        tooHigh: "Heartbeats are late while a follower catches up.",
      }),
    }),
    blob: z.strictObject({
      chunkBytes: key.bytes("256KiB", "node", {
        greatest: ONE_BUFFER,
        about:
          "Bytes of a blob read, sent and written at a time. While the disk takes no more, the " +
          "sender waits.",
        tooLow: "Throughput falls.",
        tooHigh:
          "Each blob on its way uses twice this much memory, and heartbeats wait for one chunk.",
      }),
      maxConcurrent: key.count(4, "node", {
        greatest: 256,
        about: "Blobs that a worker sends to followers at a time; the others wait for their turn.",
        tooLow: "A follower with a slow disk holds up the blobs for the others.",
        tooHigh: "More open files and memory.",
      }),
      maxBytes: key.bytes("1GiB", "cluster", {
        greatest: SUM,
        about: "Largest blob. A larger one gets 413.",
        tooLow: "Legitimate attachments are refused.",
        tooHigh: "Records that name a blob wait until a quorum has all of it.",
      }),
    }),
  }),
};
