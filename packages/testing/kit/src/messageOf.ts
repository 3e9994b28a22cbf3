import { asIndex, asTerm } from "@annals/raft";
import type { MemberId, Message } from "@annals/raft";

/** A message of the kind that says as little as its layout allows. */
export function messageOf(kind: Message["kind"], from: MemberId, to: MemberId): Message {
  const [term, index] = [asTerm(1), asIndex(0)];
  const head = { from, to, term };
  switch (kind) {
    case "appendEntries":
      return {
        kind,
        ...head,
        prevLogIndex: index,
        prevLogTerm: asTerm(0),
        prevLogHash: undefined,
        leaderCommit: index,
        entries: [],
      };
    case "appendEntriesResponse":
      return { kind, ...head, index, rejected: false, hintIndex: index, hintTerm: asTerm(0) };
    case "requestVote":
    case "requestPreVote":
      return { kind, ...head, lastLogIndex: index, lastLogTerm: asTerm(0), transfer: false };
    case "requestVoteResponse":
    case "requestPreVoteResponse":
      return { kind, ...head, rejected: true, committed: { index, term: asTerm(0) } };
    case "heartbeat":
      return { kind, ...head, commitIndex: index, commitHash: undefined, readToken: 0 };
    case "heartbeatResponse":
      return { kind, ...head, committed: undefined, readToken: 0 };
    case "installSnapshot": {
      const lists = { voters: [from], votersOutgoing: [], learners: [], learnersNext: [] };
      const membership = { ...lists, autoLeave: false };
      const last = { lastIncludedIndex: asIndex(1), lastIncludedTerm: asTerm(1) };
      return { kind, ...head, snapshot: { ...last, membership, data: new Uint8Array() } };
    }
    case "timeoutNow":
      return { kind, ...head };
    case "readIndex":
      return { kind, ...head, context: 1 };
    case "readIndexResponse":
      return { kind, ...head, context: 1, index };
    case "transferLeadership":
      return { kind, ...head, transferee: to };
    case "propose":
      return { kind, ...head, entries: [] };
    case "recovery":
      return { kind, ...head, context: 1, lastLogIndex: index, lastLogTerm: asTerm(0) };
    case "recoveryResponse": {
      const entry = { index, term: asTerm(0) };
      const acknowledged = { ...entry, entry };
      return { kind, ...head, context: 1, last: entry, committed: entry, acknowledged };
    }
    default:
      return kind satisfies never;
  }
}
