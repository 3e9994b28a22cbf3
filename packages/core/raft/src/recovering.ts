import { Emptied } from "./emptied.ts";
import type { Recovery as Question, RecoveryResponse } from "./message.ts";
import type { Raft } from "./raft.ts";
import { Recovery, type RolledBack } from "./recovery.ts";
import { maybeSendAppend } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { asIndex, asTerm, type EntryId, type MemberId, NOBODY, type Term } from "./types.ts";

const CONTEXT_MAX = 2 ** 32;
const NEVER_ACKNOWLEDGED = { acknowledgedTerm: asTerm(0), acknowledgedIndex: asIndex(0) };

/** A core begins: it asks every other voter that its disk knows of, or, with an emptied log, the member whose copy was kept. */
export function beginRecovery(raft: Raft): void {
  const { emptiedFor } = raft.config;
  if (emptiedFor !== undefined) {
    const context = raft.config.randomBelow(CONTEXT_MAX);
    raft.emptied = new Emptied(emptiedFor, context, raft.config.heartbeatTicks);
    askKept(raft, raft.emptied);
    return;
  }
  const { electionTicks, heartbeatTicks, randomBelow } = raft.config;
  const others = raft.tracker.voters.filter((member) => member !== raft.id);
  if (others.length === 0) return;
  const blank = raft.term === 0 && raft.log.lastIndex === 0;
  const context = randomBelow(CONTEXT_MAX);
  const recovery = new Recovery({ context, others, blank, electionTicks, heartbeatTicks });
  raft.recovery = recovery;
  askSilent(raft, recovery);
}

/** One tick passed. */
export function tickRecovery(raft: Raft): void {
  const { recovery, emptied } = raft;
  if (recovery?.tick() === true) askSilent(raft, recovery);
  if (emptied?.tick() === true) askKept(raft, emptied);
}

/** The member takes part in elections, and its vote may go to `candidate`, whose log ends with `last`. */
export function mayElect(raft: Raft, candidate: MemberId, last: EntryId, term: Term): boolean {
  if (raft.emptied !== undefined) return raft.emptied.elects(candidate, last);
  return raft.recovery?.elects(last, term) ?? true;
}

/** A leader believes that more is here than there is: it has to hear where this log ends. */
export function tellEnd(raft: Raft, leader: MemberId): void {
  if (raft.recovery !== undefined) ask(raft, raft.recovery, leader);
}

function askSilent(raft: Raft, recovery: Recovery): void {
  for (const member of recovery.silent) {
    if (raft.tracker.get(member) === undefined) recovery.silent.delete(member);
    else ask(raft, recovery, member);
  }
}

function askKept(raft: Raft, emptied: Emptied): void {
  // Nobody, when whose copy was kept is not known any more.
  if (emptied.kept !== NOBODY) ask(raft, emptied, emptied.kept);
}

function ask(raft: Raft, { context }: Pick<Recovery, "context">, to: MemberId): void {
  const { index: lastLogIndex, term: lastLogTerm } = raft.log.lastId();
  const { id: from, term } = raft;
  raft.send({ kind: "recovery", from, to, term, context, lastLogIndex, lastLogTerm });
}

/** A member has started anew. A leader forgets what it held for matching there and is not; whoever led remembers what was acknowledged. */
export function handleRecovery(raft: Raft, message: Question): void {
  const { from: to, context, lastLogIndex } = message;
  const progress = raft.tracker.get(to);
  const { acknowledgedTerm: term, acknowledgedIndex: index } = progress ?? NEVER_ACKNOWLEDGED;
  const { log } = raft;
  const at = index < log.lastIndex ? index : log.lastIndex;
  const entry = { term: log.term(at) ?? asTerm(0), index: at };
  raft.send({
    kind: "recoveryResponse",
    from: raft.id,
    to,
    term: raft.term,
    context,
    last: log.lastId(),
    committed: log.committedId(),
    acknowledged: { term, index, entry },
  });
  if (raft.role !== "leader" || progress === undefined) return;
  if (progress.restarted(lastLogIndex)) maybeSendAppend(raft, progress, true);
}

/** A peer says what it remembers of this member. */
export function handleRecoveryResponse(raft: Raft, message: RecoveryResponse): void {
  const { recovery, emptied } = raft;
  if (emptied?.context === message.context && emptied.kept === message.from) {
    emptied.learn(message);
    fill(raft);
    return;
  }
  if (recovery === undefined || recovery.context !== message.context) return;
  const rolledBack = rolledBackBy(raft, message);
  const news = recovery.learn(message, rolledBack);
  if (news && rolledBack !== undefined) raft.trace({ kind: "rolledBack", ...rolledBack });
  if (message.term > raft.term) becomeFollower(raft, message.term, NOBODY);
}

/** More of the log is durable, or where it has to end is known: an emptied one that holds what was kept is like any other. */
export function fill(raft: Raft): void {
  const { emptied, log } = raft;
  if (emptied === undefined) return;
  const index = asIndex(log.unstable.offset - 1);
  const durable = { term: log.term(index) ?? asTerm(0), index };
  if (!emptied.isFilledBy(durable)) return;
  raft.emptied = undefined;
  raft.trace({ kind: "filled", kept: emptied.kept, index, term: durable.term });
}

/**
 * An acknowledgement leaves when term and entries are durable, and in the term of a leader the log of its follower does not shrink (Raft
 * §5.3): a disk that is in an earlier term, or in this one with a shorter log, is not the one that it was.
 */
function rolledBackBy(
  raft: Raft,
  { from, acknowledged }: RecoveryResponse,
): RolledBack | undefined {
  const { term, index: acknowledgedIndex } = acknowledged;
  const { lastIndex } = raft.log;
  const kept = raft.term > term || (raft.term === term && lastIndex >= acknowledgedIndex);
  return kept ? undefined : { member: from, term, acknowledgedIndex, lastIndex };
}
