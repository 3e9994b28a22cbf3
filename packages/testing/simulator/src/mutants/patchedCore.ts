import { RaftCore } from "@annals/raft";
import type {
  Entry,
  EntryId,
  LogIndex,
  MemberId,
  MembershipState,
  Message,
  Term,
} from "@annals/raft";
import type { Mutant } from "../world/mutant.ts";

/** What a leader knows of one member. */
export interface ProgressInside {
  maybeUpdate(index: LogIndex): boolean;
  maybeDecrease(rejected: LogIndex, hint: LogIndex): boolean;
}

/** What the patches of the mutants touch inside the core. */
interface RaftInside {
  readonly id: MemberId;
  term: Term;
  votedFor: MemberId;
  role: string;
  leader: MemberId;
  electionElapsed: number;
  readonly messages: Message[];
  recovery: { readonly waits: boolean; elects(last: EntryId, term: Term): boolean } | undefined;
  emptied: object | undefined;
  send(message: Message): void;
  sendAfterDurable(message: Message): void;
  acknowledge(to: MemberId, index: LogIndex): void;
  committedInTerm(): boolean;
  readonly log: {
    readonly committed: LogIndex;
    readonly lastIndex: LogIndex;
    differsAt(index: LogIndex, hash: Uint8Array | undefined): boolean;
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
    readonly membership: MembershipState;
    readonly members: readonly { readonly member: MemberId; readonly matchIndex: LogIndex }[];
    committed(): number;
    get(member: MemberId): ProgressInside | undefined;
    quorumActive(): boolean;
    recordVote(member: MemberId, granted: boolean): void;
    tallyVotes(): { readonly granted: number; readonly rejected: number; readonly result: string };
  };
  readonly readOnly: { readonly token: number; ack(from: MemberId, token: number): void };
}

/** What members have acknowledged, highest first: the nth is on n of them. */
export function ackedByMost(members: RaftInside["tracker"]["members"]): readonly LogIndex[] {
  return members.map(({ matchIndex }) => matchIndex).toSorted((a, b) => b - a);
}

/** FAULT MODULE: a bug inside the core, patched into its objects from outside while the mutant runs. */
export function patched(
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
