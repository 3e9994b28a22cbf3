import { RaftCore } from "@annals/raft";
import type { Entry, EntryId, LogIndex, MemberId, Message, Term } from "@annals/raft";
import type { Mutant } from "./mutant.ts";

/** What the patches below touch inside the core. */
interface RaftInside {
  readonly id: MemberId;
  term: Term;
  votedFor: MemberId;
  role: string;
  leader: MemberId;
  electionElapsed: number;
  readonly messages: Message[];
  send(message: Message): void;
  sendAfterDurable(message: Message): void;
  acknowledge(to: MemberId, index: LogIndex): void;
  committedInTerm(): boolean;
  readonly log: {
    readonly committed: LogIndex;
    readonly lastIndex: LogIndex;
    isUpToDate(last: EntryId): boolean;
    matches(id: EntryId): boolean;
    append(entries: readonly Entry[]): void;
    commitTo(index: LogIndex): void;
    term(index: LogIndex): Term | undefined;
    maybeCommit(index: number, term: Term): boolean;
    maybeAppend(
      prev: EntryId,
      entries: readonly Entry[],
      leaderCommit: LogIndex,
    ): LogIndex | "mismatch";
  };
  readonly tracker: {
    readonly voters: readonly MemberId[];
    readonly members: readonly { readonly matchIndex: LogIndex }[];
    committed(): number;
    get(member: MemberId): { maybeUpdate(index: LogIndex): boolean } | undefined;
    quorumActive(): boolean;
    recordVote(member: MemberId, granted: boolean): void;
    tallyVotes(): { readonly granted: number; readonly rejected: number; readonly result: string };
  };
  readonly readOnly: { readonly token: number; ack(from: MemberId, token: number): void };
}

/** FAULT MODULE: bugs inside the core, patched into its objects from outside while a mutant runs. */
export const CORE_MUTANTS: readonly Mutant[] = [
  patched(
    "old-term-commit-by-counting",
    "entries of earlier terms are committed by counting",
    (raft) => {
      const { log } = raft;
      log.maybeCommit = (index) => {
        if (index <= log.committed || !Number.isFinite(index)) return false;
        log.commitTo(index as LogIndex);
        return true;
      };
    },
  ),
  patched("vote-without-log-check", "a vote is given to candidates with an older log", (raft) => {
    raft.log.isUpToDate = () => true;
  }),
  patched("vote-forgotten", "the vote is forgotten after every turn", undefined, (raft) => {
    if (raft.role === "follower") raft.votedFor = 0 as MemberId;
  }),
  patched("commit-by-half", "an entry is committed by half of the voters", (raft) => {
    const { tracker } = raft;
    tracker.committed = () => {
      const acked = tracker.members.map(({ matchIndex }) => matchIndex).toSorted((a, b) => b - a);
      return acked[Math.max(0, Math.ceil(acked.length / 2) - 1)] ?? 0;
    };
  }),
  patched("elected-by-half", "half of the votes are enough to lead", (raft) => {
    const { tracker } = raft;
    const tallyVotes = tracker.tallyVotes.bind(tracker);
    tracker.tallyVotes = () => {
      const tally = tallyVotes();
      return tally.granted * 2 >= tracker.voters.length ? { ...tally, result: "won" } : tally;
    };
  }),
  patched("leader-counts-unflushed", "a leader counts its own entries before its flush", (raft) => {
    const acknowledge = raft.acknowledge.bind(raft);
    raft.acknowledge = (to, index) => {
      if (to === raft.id) raft.tracker.get(to)?.maybeUpdate(index);
      acknowledge(to, index);
    };
  }),
  patched("follower-acks-unflushed", "an acknowledgement does not wait for the flush", (raft) => {
    const sendAfterDurable = raft.sendAfterDurable.bind(raft);
    raft.sendAfterDurable = (message) => {
      if (message.kind === "appendEntriesResponse" && message.to !== raft.id) raft.send(message);
      else sendAfterDurable(message);
    };
  }),
  patched("vote-before-flush", "a vote does not wait for the flush", (raft) => {
    const sendAfterDurable = raft.sendAfterDurable.bind(raft);
    raft.sendAfterDurable = (message) => {
      if (message.kind === "requestVoteResponse" && message.to !== raft.id) raft.send(message);
      else sendAfterDurable(message);
    };
  }),
  patched(
    "late-duplicate-shortens",
    "entries that are here already replace the log from there",
    (raft) => {
      const { log } = raft;
      const maybeAppend = log.maybeAppend.bind(log);
      log.maybeAppend = (prev, entries, leaderCommit) => {
        const first = entries[0];
        if (first !== undefined && first.index > log.committed && log.matches(prev))
          log.append(entries);
        return maybeAppend(prev, entries, leaderCommit);
      };
    },
  ),
  patched(
    "read-without-quorum",
    "one answer to a heartbeat confirms a read for everybody, and isolated leaders lead on",
    (raft) => {
      const { readOnly, tracker } = raft;
      const ack = readOnly.ack.bind(readOnly);
      readOnly.ack = (_from, token) => {
        for (const voter of tracker.voters) ack(voter, token);
      };
      tracker.quorumActive = () => true;
    },
  ),
  patched(
    "read-before-own-term",
    "a new leader serves reads before it has committed anything",
    (raft) => {
      raft.committedInTerm = () => true;
    },
  ),
  patched("rejections-counted", "every answer to a request for a vote counts as a vote", (raft) => {
    const { tracker } = raft;
    const recordVote = tracker.recordVote.bind(tracker);
    tracker.recordVote = (member) => recordVote(member, true);
  }),
];

function patched(
  name: string,
  bug: string,
  once: ((raft: RaftInside) => void) | undefined,
  everyTurn?: (raft: RaftInside) => void,
): Mutant {
  return { name, bug, install: () => install(once, everyTurn) };
}

/** Every core meets its patch when it is first asked what there is to do. */
function install(
  once: ((raft: RaftInside) => void) | undefined,
  everyTurn: ((raft: RaftInside) => void) | undefined,
): () => void {
  const { prototype } = RaftCore;
  const original = Object.getOwnPropertyDescriptor(prototype, "hasReady");
  const known = new WeakSet<RaftCore>();
  if (original === undefined) throw new Error("the core has no hasReady");
  const hasReady: (this: RaftCore) => boolean = original.value;
  Object.defineProperty(prototype, "hasReady", {
    ...original,
    value(this: RaftCore) {
      const inside: RaftInside = Reflect.get(this, "raft");
      if (!known.has(this)) once?.(inside);
      known.add(this);
      const ready = hasReady.call(this);
      if (!ready) everyTurn?.(inside);
      return ready;
    },
  });
  return () => void Object.defineProperty(prototype, "hasReady", original);
}
