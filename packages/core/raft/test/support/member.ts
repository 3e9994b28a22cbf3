import {
  type AppendEntries,
  type AppendEntriesResponse,
  type Heartbeat,
  type Message,
  type RequestVote,
  type RequestVoteResponse,
} from "../../src/message.ts";
import { type AppendTicket, type ReadState } from "../../src/ready.ts";
import {
  asIndex,
  asMemberId,
  asTerm,
  type Entry,
  type EntryKind,
  type MemberId,
  type MembershipState,
} from "../../src/types.ts";
import { decodeMembershipChange } from "../../src/membershipCodec.ts";
import { ProbedRaftCore } from "../../src/probedCore.ts";
import { type RaftConfig } from "../../src/config.ts";
import { type Trace } from "../../src/trace.ts";
import { MemoryLog } from "./memoryLog.ts";

const ids = (...list: readonly number[]): readonly MemberId[] => list.map(asMemberId);

export function membershipOf(
  voters: readonly number[],
  learners: readonly number[] = [],
): MembershipState {
  return {
    voters: ids(...voters),
    votersOutgoing: [],
    learners: ids(...learners),
    learnersNext: [],
    autoLeave: false,
  };
}

/** An entry with a one-byte payload per character of `text`. */
export function entry(term: number, index: number, text = "", kind?: EntryKind): Entry {
  const data = new TextEncoder().encode(text);
  return {
    index: asIndex(index),
    term: asTerm(term),
    kind: kind ?? (text === "" ? "noop" : "records"),
    data,
  };
}

/** Entries from index 1 on, one for each term. */
export function entriesOf(...terms: readonly number[]): readonly Entry[] {
  return terms.map((term, i) => entry(term, i + 1));
}

export const CONFIG: Omit<RaftConfig, "id"> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  maxAppendBytes: Number.POSITIVE_INFINITY,
  maxAppendEntries: Number.POSITIVE_INFINITY,
  maxInflightMessages: 256,
  maxInflightBytes: 0,
  maxUncommittedBytes: 0,
  maxCommittedBytes: Number.POSITIVE_INFINITY,
  preVote: false,
  checkQuorum: false,
  readOnly: "safe",
  stepDownOnRemoval: false,
  disableMembershipValidation: false,
  disableProposalForwarding: false,
  applied: 0,
  randomBelow: () => 0,
};

export interface MemberOptions {
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  readonly log?: readonly Entry[];
  readonly term?: number;
  readonly votedFor?: number;
  readonly commitIndex?: number;
  readonly config?: Partial<RaftConfig>;
}

/** One core with storage that is done at once, and everything that it handed out. */
export class Member {
  readonly log: MemoryLog = new MemoryLog();
  readonly core: ProbedRaftCore;
  /** Sent to others, acks included, since the last `takeSent`. */
  sent: Message[] = [];
  applied: Entry[] = [];
  reads: ReadState[] = [];
  traces: Trace[] = [];
  tickets: AppendTicket[] = [];

  constructor(id: number, options: MemberOptions = {}) {
    this.log.membership = membershipOf(options.voters ?? [1, 2, 3], options.learners);
    this.log.append(options.log ?? []);
    this.log.hardState = {
      term: asTerm(options.term ?? this.log.all().at(-1)?.term ?? 0),
      votedFor: asMemberId(options.votedFor ?? 0),
      commitIndex: asIndex(options.commitIndex ?? 0),
    };
    this.core = new ProbedRaftCore({ ...CONFIG, id: asMemberId(id), ...options.config }, this.log);
  }

  /** Drains until nothing is left, with storage and state machine done at once. */
  settle(): this {
    while (this.core.hasReady()) {
      const ready = this.core.takeReady();
      this.sent.push(...ready.messages);
      this.reads.push(...ready.reads);
      this.traces.push(...ready.traces);
      if (ready.append !== undefined) {
        this.tickets.push(ready.append);
        this.log.write(ready.append);
        this.core.appendDone(ready.append);
        const self = this.core.status().id;
        this.sent.push(...ready.append.afterDurable.filter((message) => message.to !== self));
      }
      for (const committed of ready.apply) {
        this.applied.push(committed);
        if (committed.kind === "membership") {
          this.core.applyMembership(decodeMembershipChange(committed.data));
        }
      }
      const last = ready.apply.at(-1);
      if (last !== undefined) this.core.applyDone(last.index);
    }
    return this;
  }

  /** Steps a message and settles. */
  receive(...messages: readonly Message[]): this {
    for (const message of messages) this.core.step(message);
    return this.settle();
  }

  takeSent(): readonly Message[] {
    const sent = this.sent;
    this.sent = [];
    return sent;
  }

  tick(count = 1): this {
    for (let i = 0; i < count; i += 1) this.core.tick();
    return this.settle();
  }

  /** Wins an election with the votes of `voters`; what was sent by then is forgotten. */
  lead(...voters: readonly number[]): this {
    this.core.campaign();
    this.settle();
    const { term, id } = this.core.status();
    this.receive(...voters.map((voter) => voteResponse(voter, id, term, false)));
    this.sent = [];
    return this;
  }

  propose(text: string): ReturnType<ProbedRaftCore["propose"]> {
    const data = new TextEncoder().encode(text);
    const outcome = this.core.propose([{ kind: "records", data }]);
    this.settle();
    return outcome;
  }
}

export function requestVote(
  from: number,
  to: number,
  term: number,
  last: { readonly index: number; readonly term: number },
  extra: Partial<Pick<RequestVote, "kind" | "transfer">> = {},
): RequestVote {
  return {
    kind: "requestVote",
    from: asMemberId(from),
    to: asMemberId(to),
    term: asTerm(term),
    lastLogIndex: asIndex(last.index),
    lastLogTerm: asTerm(last.term),
    transfer: false,
    ...extra,
  };
}

export function voteResponse(
  from: number,
  to: number,
  term: number,
  rejected: boolean,
  kind: RequestVoteResponse["kind"] = "requestVoteResponse",
  committed = { index: 0, term: 0 },
): RequestVoteResponse {
  return {
    kind,
    from: asMemberId(from),
    to: asMemberId(to),
    term: asTerm(term),
    rejected,
    committed: { index: asIndex(committed.index), term: asTerm(committed.term) },
  };
}

export function appendEntries(
  from: number,
  to: number,
  term: number,
  prev: { readonly index: number; readonly term: number },
  entries: readonly Entry[] = [],
  leaderCommit = 0,
): AppendEntries {
  return {
    kind: "appendEntries",
    from: asMemberId(from),
    to: asMemberId(to),
    term: asTerm(term),
    prevLogIndex: asIndex(prev.index),
    prevLogTerm: asTerm(prev.term),
    leaderCommit: asIndex(leaderCommit),
    entries,
  };
}

export function ack(from: number, to: number, term: number, index: number): AppendEntriesResponse {
  return {
    kind: "appendEntriesResponse",
    from: asMemberId(from),
    to: asMemberId(to),
    term: asTerm(term),
    index: asIndex(index),
    rejected: false,
    hintIndex: asIndex(0),
    hintTerm: asTerm(0),
  };
}

export function rejection(
  from: number,
  to: number,
  term: number,
  index: number,
  hint: { readonly index: number; readonly term: number },
): AppendEntriesResponse {
  const { index: hintIndex, term: hintTerm } = hint;
  return {
    ...ack(from, to, term, index),
    rejected: true,
    hintIndex: asIndex(hintIndex),
    hintTerm: asTerm(hintTerm),
  };
}

export function heartbeat(
  from: number,
  to: number,
  term: number,
  commitIndex = 0,
  readToken = 0,
): Heartbeat {
  return {
    kind: "heartbeat",
    from: asMemberId(from),
    to: asMemberId(to),
    term: asTerm(term),
    commitIndex: asIndex(commitIndex),
    readToken,
  };
}
