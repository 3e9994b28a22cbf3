import * as fc from "fast-check";
import { asIndex, asMemberId, asTerm, INDEX_MAX } from "@annals/raft";
import type {
  Entry,
  EntryKind,
  LogIndex,
  MemberId,
  MembershipState,
  Message,
  Term,
} from "@annals/raft";
import type { Frame } from "../../src/frames.ts";

const integer = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const place = fc.oneof(
  fc.nat({ max: 300 }),
  fc.maxSafeNat().map((value) => value % INDEX_MAX),
);
const index: fc.Arbitrary<LogIndex> = place.map(asIndex);
const term: fc.Arbitrary<Term> = place.map(asTerm);
const member: fc.Arbitrary<MemberId> = integer.map(asMemberId);
const data = fc.uint8Array({ maxLength: 300 });
const hash = fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined });
const entryKind = fc.constantFrom<EntryKind>("noop", "records", "membership", "command");

function entriesAfter(prevLogIndex: LogIndex): fc.Arbitrary<readonly Entry[]> {
  return fc
    .array(fc.record({ term, kind: entryKind, data }), { maxLength: 4 })
    .map((drafts) =>
      drafts.map((draft, k) => ({ index: asIndex(prevLogIndex + 1 + k), ...draft })),
    );
}

const members = fc
  .uniqueArray(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { maxLength: 4 })
  .map((ids) => ids.toSorted((a, b) => a - b).map(asMemberId));

const membership: fc.Arbitrary<MembershipState> = fc.record({
  voters: members,
  votersOutgoing: members,
  learners: members,
  learnersNext: members,
  autoLeave: fc.boolean(),
});

const entryId = fc.record({ index, term });
const envelope = { from: member, to: member, term };
const vote = { ...envelope, lastLogIndex: index, lastLogTerm: term, transfer: fc.boolean() };
const vote2 = {
  ...envelope,
  rejected: fc.boolean(),
  committed: fc.record({ index, term }),
};

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.nat({ max: 2 ** 40 }).chain((prev) =>
    fc.record({
      kind: fc.constant("appendEntries" as const),
      ...envelope,
      prevLogIndex: fc.constant(asIndex(prev)),
      prevLogTerm: term,
      prevLogHash: hash,
      leaderCommit: index,
      entries: entriesAfter(asIndex(prev)),
    }),
  ),
  fc.record({
    kind: fc.constant("appendEntriesResponse" as const),
    ...envelope,
    index,
    rejected: fc.boolean(),
    hintIndex: index,
    hintTerm: term,
  }),
  fc.record({ kind: fc.constantFrom("requestVote" as const, "requestPreVote" as const), ...vote }),
  fc.record({
    kind: fc.constantFrom("requestVoteResponse" as const, "requestPreVoteResponse" as const),
    ...vote2,
  }),
  fc.record({
    kind: fc.constant("heartbeat" as const),
    ...envelope,
    commitIndex: index,
    commitHash: hash,
    readToken: integer,
  }),
  fc.record({
    kind: fc.constant("heartbeatResponse" as const),
    ...envelope,
    committed: fc.option(
      fc.record({ index, hash: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
      { nil: undefined },
    ),
    readToken: integer,
  }),
  fc.record({
    kind: fc.constant("installSnapshot" as const),
    ...envelope,
    snapshot: fc.record({ lastIncludedIndex: index, lastIncludedTerm: term, membership, data }),
  }),
  fc.record({ kind: fc.constant("timeoutNow" as const), ...envelope }),
  fc.record({ kind: fc.constant("readIndex" as const), ...envelope, context: integer }),
  fc.record({
    kind: fc.constant("readIndexResponse" as const),
    ...envelope,
    context: integer,
    index,
  }),
  fc.record({ kind: fc.constant("transferLeadership" as const), ...envelope, transferee: member }),
  fc.record({
    kind: fc.constant("propose" as const),
    ...envelope,
    entries: fc.array(fc.record({ kind: entryKind, data }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("recovery" as const),
    ...envelope,
    context: integer,
    lastLogIndex: index,
    lastLogTerm: term,
  }),
  fc.record({
    kind: fc.constant("recoveryResponse" as const),
    ...envelope,
    context: integer,
    last: entryId,
    committed: entryId,
    acknowledged: fc.record({ term, index, entry: entryId }),
  }),
);

const name = fc.string({ unit: "grapheme", maxLength: 8 });
const optionalName = fc.option(name, { nil: undefined });
const hello = {
  kind: fc.constant("hello" as const),
  protocol: integer,
  cluster: name,
  clusterId: optionalName,
  node: name,
  member,
  address: name,
  fingerprint: name,
  epoch: integer,
  limits: fc.record({ maxMessageBytes: integer }),
};
const logId = fc.nat({ max: 0xffff_ffff });
const first: fc.Arbitrary<LogIndex> = fc.integer({ min: 1, max: 2 ** 40 }).map(asIndex);

export const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ ...hello, purpose: fc.constant("control" as const), logId: fc.constant(undefined) }),
  fc.record({
    ...hello,
    purpose: fc.constantFrom("data" as const, "repair" as const),
    logId,
  }),
  fc.record({ kind: fc.constant("welcome" as const), clusterId: optionalName, node: name, member }),
  fc.record({ kind: fc.constant("refuse" as const), code: name, reason: name }),
  fc.record({
    kind: fc.constant("control" as const),
    parcels: fc.array(fc.record({ logId, bytes: data }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constantFrom("append" as const, "response" as const),
    epoch: integer,
    bytes: data,
  }),
  fc.record({ kind: fc.constant("grant" as const), entries: integer, bytes: integer }),
  fc.record({ kind: fc.constant("birth" as const), certificate: data }),
  fc.record({ kind: fc.constant("fetch" as const), from: first, to: index }),
  first.chain((from) =>
    fc.record({
      kind: fc.constant("page" as const),
      from: fc.constant(from),
      previousHash: hash,
      commitIndex: index,
      leads: term,
      entries: entriesAfter(asIndex(from - 1)),
    }),
  ),
);
