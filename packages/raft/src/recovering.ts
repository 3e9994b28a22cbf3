import type { Recovery as Question, RecoveryResponse } from "./message.ts";
import type { Raft } from "./raft.ts";
import { Recovery, type RolledBack } from "./recovery.ts";
import { maybeSendAppend } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { asIndex, asTerm, type EntryId, type MemberId, NOBODY, type Term } from "./types.ts";

const CONTEXT_MAX = 2 ** 32;
const NEVER_ACKNOWLEDGED = { acknowledgedTerm: asTerm(0), acknowledgedIndex: asIndex(0) };

/** A core begins: it asks every other voter that its disk knows of. */
export function beginRecovery(raft: Raft): void {
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
  const { recovery } = raft;
  if (recovery?.tick() === true) askSilent(raft, recovery);
}

/** The member takes part in elections, and its vote may go to a log that ends with `last`. */
export function mayElect(raft: Raft, last: EntryId, term: Term): boolean {
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

function ask(raft: Raft, { context }: Recovery, to: MemberId): void {
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
  const { recovery } = raft;
  if (recovery === undefined || recovery.context !== message.context) return;
  const rolledBack = rolledBackBy(raft, message);
  const news = recovery.learn(message, rolledBack);
  if (news && rolledBack !== undefined) raft.trace({ kind: "rolledBack", ...rolledBack });
  if (message.term > raft.term) becomeFollower(raft, message.term, NOBODY);
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
