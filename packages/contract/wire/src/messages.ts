/**
 * Raft messages, layout version 3: the byte 3, then one msgpack array of messages. A message is an array
 * `[kind, from, to, term, …fields in the order below]`; an entry of AppendEntries is three elements `kind, term, data` of one flat
 * array, its index follows from `prevLogIndex`. A chain hash is 32 bytes, or none where its sender keeps no hashes.
 */
import { asIndex, asMemberId, asTerm, INDEX_MAX, TERM_MAX } from "@annals/raft";
import type {
  EntryId,
  EntryKind,
  HistoryPoint,
  LogIndex,
  MemberId,
  Message,
  RecoveryResponse,
  Snapshot,
  Term,
} from "@annals/raft";
import {
  APPEND_ENTRIES_MAX,
  ENTRIES_MAX,
  packEntries,
  readEntries,
  readEntryKind,
} from "./entries.ts";
import { entryKindCode } from "./entryKind.ts";
import { NO_HASH, readHash } from "./hashField.ts";
import { packMembership, readMembership } from "./membership.ts";
import { inPieces } from "./pieces.ts";
import { MsgpackCursor } from "./msgpackCursor.ts";
import { assertVersion, Nested, packVersioned } from "./pack.ts";
import type { Packable } from "./pack.ts";

export const MESSAGES_VERSION = 3;

/** Messages of one run of bytes: beyond any cap that a configuration may set. */
export const MESSAGES_MAX = 65_536;

type Kind = Message["kind"];

export const MESSAGE_CODES: Readonly<Record<Kind, number>> = {
  appendEntries: 1,
  appendEntriesResponse: 2,
  requestVote: 3,
  requestVoteResponse: 4,
  requestPreVote: 5,
  requestPreVoteResponse: 6,
  heartbeat: 7,
  heartbeatResponse: 8,
  installSnapshot: 9,
  timeoutNow: 10,
  readIndex: 11,
  readIndexResponse: 12,
  transferLeadership: 13,
  propose: 14,
  recovery: 15,
  recoveryResponse: 16,
};

/** Number of elements of each message's array, the envelope's four included. */
export const MESSAGE_ELEMENTS: Readonly<Record<Kind, number>> = {
  appendEntries: 9,
  appendEntriesResponse: 8,
  requestVote: 7,
  requestVoteResponse: 7,
  requestPreVote: 7,
  requestPreVoteResponse: 7,
  heartbeat: 7,
  heartbeatResponse: 7,
  installSnapshot: 8,
  timeoutNow: 4,
  readIndex: 5,
  readIndexResponse: 6,
  transferLeadership: 5,
  propose: 5,
  recovery: 7,
  recoveryResponse: 13,
};

const KIND_OF_CODE: ReadonlyMap<number, Kind> = new Map(
  Object.entries(MESSAGE_CODES).map(([kind, code]) => [code, kind as Kind]),
);

/** The result is the caller's. Throws a RangeError when entries do not follow `prevLogIndex`: a bug of the caller. */
export function encodeMessages(messages: readonly Message[]): Uint8Array {
  return packVersioned(MESSAGES_VERSION, packMessages(messages));
}

/** The same, as a part of another layout. */
export function nestMessages(messages: readonly Message[]): Nested {
  return new Nested(MESSAGES_VERSION, packMessages(messages));
}

function packMessages(messages: readonly Message[]): readonly Packable[] {
  return messages
    .flatMap(inPieces)
    .map((message) => [
      MESSAGE_CODES[message.kind],
      message.from,
      message.to,
      message.term,
      ...packFields(message),
    ]);
}

function packFields(message: Message): readonly Packable[] {
  switch (message.kind) {
    case "appendEntries":
      return [
        message.prevLogIndex,
        message.prevLogTerm,
        message.prevLogHash ?? NO_HASH,
        message.leaderCommit,
        packEntries(message.entries, message.prevLogIndex),
      ];
    case "appendEntriesResponse":
      return [message.index, message.rejected, message.hintIndex, message.hintTerm];
    case "requestVote":
    case "requestPreVote":
      return [message.lastLogIndex, message.lastLogTerm, message.transfer];
    case "requestVoteResponse":
    case "requestPreVoteResponse":
      return [message.rejected, message.committed.index, message.committed.term];
    case "heartbeat":
      return [message.commitIndex, message.commitHash ?? NO_HASH, message.readToken];
    case "heartbeatResponse":
      return [message.committed?.index ?? 0, message.committed?.hash ?? NO_HASH, message.readToken];
    case "installSnapshot":
      return [
        message.snapshot.lastIncludedIndex,
        message.snapshot.lastIncludedTerm,
        packMembership(message.snapshot.membership),
        message.snapshot.data,
      ];
    case "timeoutNow":
      return [];
    case "readIndex":
      return [message.context];
    case "readIndexResponse":
      return [message.context, message.index];
    case "transferLeadership":
      return [message.transferee];
    case "propose":
      return [message.entries.flatMap((entry) => [entryKindCode(entry.kind), entry.data])];
    case "recovery":
      return [message.context, message.lastLogIndex, message.lastLogTerm];
    case "recoveryResponse": {
      const { context, last, committed, acknowledged } = message;
      const { term, index, entry } = acknowledged;
      return [context, ...pair(last), ...pair(committed), term, index, ...pair(entry)];
    }
    default:
      return message satisfies never;
  }
}

/**
 * Reads untrusted bytes whole: nothing comes out unless every field of every message is in its range. Entry data are views of
 * `bytes`, which the caller must then leave alone. Throws `WireError`.
 */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const reader = new MessageReader(bytes);
  const messages: Message[] = [];
  while (!reader.done) messages.push(reader.next());
  return messages;
}

/** Reads the same bytes a message at a time. What came out was right by itself; what follows may still be broken. */
export class MessageReader {
  readonly #cursor: MsgpackCursor;
  #left: number;

  constructor(bytes: Uint8Array) {
    assertVersion(bytes, MESSAGES_VERSION, "messages");
    this.#cursor = new MsgpackCursor(bytes, 1);
    this.#left = this.#cursor.array("messages", MESSAGES_MAX);
    if (this.done) this.#cursor.end();
  }

  /** All are read, and nothing comes behind the last one. */
  get done(): boolean {
    return this.#left === 0;
  }

  /** The next message; there must be one. */
  next(): Message {
    const message = readMessage(this.#cursor);
    this.#left--;
    if (this.done) this.#cursor.end();
    return message;
  }
}

type Memory = Pick<RecoveryResponse, "context" | "last" | "committed" | "acknowledged">;

interface ReadEnvelope {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: Term;
}

function readMessage(cursor: MsgpackCursor): Message {
  const elements = cursor.array("message", 16);
  if (elements < 4) throw cursor.fail("ERR_WIRE_COUNT", "message without its envelope");
  const kind = KIND_OF_CODE.get(cursor.uint("message kind", 255));
  if (kind === undefined) throw cursor.fail("ERR_WIRE_KIND", "unknown message kind");
  if (elements !== MESSAGE_ELEMENTS[kind])
    throw cursor.fail(
      "ERR_WIRE_COUNT",
      `${kind}: ${elements} elements, not ${MESSAGE_ELEMENTS[kind]}`,
    );
  const envelope: ReadEnvelope = {
    from: readMember(cursor, "from"),
    to: readMember(cursor, "to"),
    term: readTerm(cursor, "term"),
  };
  return readFields(cursor, kind, envelope);
}

function readFields(cursor: MsgpackCursor, kind: Kind, envelope: ReadEnvelope): Message {
  switch (kind) {
    case "appendEntries":
      return { kind, ...envelope, ...readAppendEntries(cursor) };
    case "appendEntriesResponse":
      return {
        kind,
        ...envelope,
        index: readIndex(cursor, "index"),
        rejected: cursor.boolean("rejected"),
        hintIndex: readIndex(cursor, "hintIndex"),
        hintTerm: readTerm(cursor, "hintTerm"),
      };
    case "requestVote":
    case "requestPreVote":
      return {
        kind,
        ...envelope,
        lastLogIndex: readIndex(cursor, "lastLogIndex"),
        lastLogTerm: readTerm(cursor, "lastLogTerm"),
        transfer: cursor.boolean("transfer"),
      };
    case "requestVoteResponse":
    case "requestPreVoteResponse":
      return {
        kind,
        ...envelope,
        rejected: cursor.boolean("rejected"),
        committed: {
          index: readIndex(cursor, "committed index"),
          term: readTerm(cursor, "committed term"),
        },
      };
    case "heartbeat": {
      const commitIndex = readIndex(cursor, "commitIndex");
      const commitHash = readHash(cursor, "commitHash");
      return { kind, ...envelope, commitIndex, commitHash, readToken: cursor.uint("readToken") };
    }
    case "heartbeatResponse":
      return {
        kind,
        ...envelope,
        committed: readPoint(cursor),
        readToken: cursor.uint("readToken"),
      };
    case "installSnapshot":
      return { kind, ...envelope, snapshot: readSnapshot(cursor) };
    case "timeoutNow":
      return { kind, ...envelope };
    case "readIndex":
      return { kind, ...envelope, context: cursor.uint("context") };
    case "readIndexResponse": {
      const context = cursor.uint("context");
      return { kind, ...envelope, context, index: readIndex(cursor, "index") };
    }
    case "transferLeadership":
      return { kind, ...envelope, transferee: readMember(cursor, "transferee") };
    case "propose":
      return { kind, ...envelope, entries: readProposals(cursor) };
    case "recovery":
      return { kind, ...envelope, ...readRecovery(cursor) };
    case "recoveryResponse":
      return { kind, ...envelope, ...readMemory(cursor) };
    default:
      return kind satisfies never;
  }
}

type FieldsOf<K extends Kind> = Omit<Extract<Message, { kind: K }>, "kind" | keyof ReadEnvelope>;

function readAppendEntries(cursor: MsgpackCursor): FieldsOf<"appendEntries"> {
  const prevLogIndex = readIndex(cursor, "prevLogIndex");
  const prevLogTerm = readTerm(cursor, "prevLogTerm");
  const prevLogHash = readHash(cursor, "prevLogHash");
  const leaderCommit = readIndex(cursor, "leaderCommit");
  const entries = readEntries(cursor, prevLogIndex, APPEND_ENTRIES_MAX);
  return { prevLogIndex, prevLogTerm, prevLogHash, leaderCommit, entries };
}

function readRecovery(cursor: MsgpackCursor): FieldsOf<"recovery"> {
  const context = cursor.uint("context");
  const lastLogIndex = readIndex(cursor, "lastLogIndex");
  return { context, lastLogIndex, lastLogTerm: readTerm(cursor, "lastLogTerm") };
}

function readMemory(cursor: MsgpackCursor): Memory {
  const context = cursor.uint("context");
  const last = readPair(cursor, "last");
  const committed = readPair(cursor, "committed");
  const term = readTerm(cursor, "acknowledged term");
  const index = readIndex(cursor, "acknowledged index");
  const entry = readPair(cursor, "acknowledged entry");
  return { context, last, committed, acknowledged: { term, index, entry } };
}

function pair({ index, term }: EntryId): readonly [LogIndex, Term] {
  return [index, term];
}

function readPair(cursor: MsgpackCursor, what: string): EntryId {
  const index = readIndex(cursor, `${what} index`);
  return { index, term: readTerm(cursor, `${what} term`) };
}

function readProposals(
  cursor: MsgpackCursor,
): readonly { readonly kind: EntryKind; readonly data: Uint8Array }[] {
  const elements = cursor.array("proposals", 2 * ENTRIES_MAX);
  if (elements % 2 !== 0) throw cursor.fail("ERR_WIRE_COUNT", "proposals are no pairs");
  const proposals: { readonly kind: EntryKind; readonly data: Uint8Array }[] = [];
  for (let k = 0; k < elements / 2; k++) {
    const kind = readEntryKind(cursor);
    proposals.push({ kind, data: cursor.bin("proposal data") });
  }
  return proposals;
}

function readSnapshot(cursor: MsgpackCursor): Snapshot {
  return {
    lastIncludedIndex: readIndex(cursor, "lastIncludedIndex"),
    lastIncludedTerm: readTerm(cursor, "lastIncludedTerm"),
    membership: readMembership(cursor),
    data: cursor.bin("snapshot data"),
  };
}

function readIndex(cursor: MsgpackCursor, what: string): LogIndex {
  return asIndex(cursor.uint(what, INDEX_MAX));
}

function readPoint(cursor: MsgpackCursor): HistoryPoint | undefined {
  const index = readIndex(cursor, "commitIndex");
  const hash = readHash(cursor, "commitHash");
  return hash && { index, hash };
}

function readTerm(cursor: MsgpackCursor, what: string): Term {
  return asTerm(cursor.uint(what, TERM_MAX));
}

function readMember(cursor: MsgpackCursor, what: string): MemberId {
  return asMemberId(cursor.uint(what));
}
