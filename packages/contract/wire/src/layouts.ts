/** Names of the fields of all layouts, in order, for the page of the protocol. A kind without a row does not compile. */
import type { Message } from "@annals/raft";
import type { Frame } from "./frames.ts";

/** Of frames, after the kind. */
export const FRAME_FIELDS: Readonly<Record<Frame["kind"], readonly string[]>> = {
  hello: [
    "protocol",
    "cluster name",
    "cluster id or nil",
    "node id",
    "member",
    "address",
    "fingerprint",
    "purpose (0 control, 1 data, 2 repair)",
    "log id or nil",
    "epoch",
    "`[maxMessageBytes]`",
  ],
  welcome: ["cluster id or nil", "node id", "member"],
  refuse: ["code", "reason"],
  control: ["`[log id, messages, log id, messages, …]`"],
  append: ["epoch", "messages"],
  response: ["epoch", "messages"],
  grant: ["entries", "bytes"],
  birth: ["birth certificate, as JSON"],
  blobOffer: ["epoch", "SHA-256 (32 bytes)", "bytes"],
  blobChunk: ["epoch", "bytes", "last (0 or 1)"],
  blobAnswer: ["SHA-256 (32 bytes)", "answer (0 have, 1 want, 2 failed)"],
  fetch: ["from", "to"],
  page: ["from", "hash before", "commit index", "term led", "entries as in AppendEntries"],
  askTime: ["token"],
  tellTime: ["token", "wall clock in ms since 1970"],
};

const VOTE = ["lastLogIndex", "lastLogTerm", "transfer"] as const;
const VOTED = ["rejected", "committed index", "committed term"] as const;

/** Of messages, after kind, from, to and term. */
export const MESSAGE_FIELDS: Readonly<Record<Message["kind"], readonly string[]>> = {
  appendEntries: [
    "prevLogIndex",
    "prevLogTerm",
    "prevLogHash",
    "leaderCommit",
    "`[kind, term, data, …]`",
  ],
  appendEntriesResponse: ["index", "rejected", "hintIndex", "hintTerm"],
  requestVote: VOTE,
  requestVoteResponse: VOTED,
  requestPreVote: VOTE,
  requestPreVoteResponse: VOTED,
  heartbeat: ["commitIndex", "commitHash", "read token"],
  heartbeatResponse: ["commitIndex", "commitHash", "read token"],
  installSnapshot: ["lastIncludedIndex", "lastIncludedTerm", "membership", "data"],
  timeoutNow: [],
  readIndex: ["context"],
  readIndexResponse: ["context", "index"],
  transferLeadership: ["transferee"],
  propose: ["`[kind, data, …]`"],
  recovery: ["context", "lastLogIndex", "lastLogTerm"],
  recoveryResponse: [
    "context",
    "last index",
    "last term",
    "committed index",
    "committed term",
    "acknowledged term",
    "acknowledged index",
    "acknowledged entry index",
    "acknowledged entry term",
  ],
};
