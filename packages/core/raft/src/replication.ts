import { payloadBytes } from "./entrySize.ts";
import type { Progress } from "./progress.ts";
import type { Raft } from "./raft.ts";
import { releasePendingReads } from "./reading.ts";
import { asIndex, type Entry, type MemberId } from "./types.ts";

const NO_ENTRIES: readonly Entry[] = [];

/** Sends to every other member what it lacks, or at least the commit index, where its flow is not paused. */
export function broadcastAppend(raft: Raft): void {
  for (const progress of raft.tracker.members) {
    if (progress.member !== raft.id) maybeSendAppend(raft, progress, true);
  }
}

/**
 * Sends one AppendEntries if the flow to the member allows it, or a snapshot if what it needs is compacted. Without `evenIfEmpty` only a
 * message with entries is sent. Returns whether something was sent.
 */
export function maybeSendAppend(raft: Raft, progress: Progress, evenIfEmpty: boolean): boolean {
  if (progress.paused()) return false;
  const prevLogIndex = asIndex(progress.nextIndex - 1);
  const prevLogTerm = raft.log.term(prevLogIndex);
  if (prevLogTerm === undefined) return maybeSendSnapshot(raft, progress);

  let entries: readonly Entry[] | "compacted" = NO_ENTRIES;
  const asks = onlyAsks(raft, progress);
  if (!asks) {
    const { maxAppendBytes, maxAppendEntries } = raft.config;
    entries = raft.log.entriesFrom(progress.nextIndex, maxAppendBytes, maxAppendEntries);
  }
  if (entries === "compacted") return maybeSendSnapshot(raft, progress);
  if (entries.length === 0 && !evenIfEmpty) return false;

  raft.send({
    kind: "appendEntries",
    from: raft.id,
    to: progress.member,
    term: raft.term,
    prevLogIndex,
    prevLogTerm,
    prevLogHash: entries[0]?.link?.previousHash ?? raft.log.hash(prevLogIndex),
    leaderCommit: raft.log.committed,
    entries,
  });
  progress.sentEntries(entries.length, payloadBytes(entries));
  if (asks) progress.appendPaused = true;
  progress.sentCommit = raft.log.committed;
  return true;
}

/**
 * Whether only an empty message goes, paced by heartbeats: with a full window, where its rejection tells if everything in flight was lost;
 * and while a probe is on its way that would have been reported if it was.
 */
function onlyAsks({ config }: Raft, { state, inflights, probe }: Progress): boolean {
  return state === "replicate"
    ? inflights.full()
    : probe !== undefined && config.reportsLoss === true;
}

/** One heartbeat to every other member, with the newest read that waits for confirmation. */
export function broadcastHeartbeat(raft: Raft): void {
  raft.readRoundDue = false;
  const readToken = raft.readOnly.token;
  for (const progress of raft.tracker.members) {
    if (progress.member === raft.id) continue;
    // A follower may not commit beyond what is known to match, whatever its log holds there.
    const commitIndex =
      progress.matchIndex < raft.log.committed ? progress.matchIndex : raft.log.committed;
    raft.send({
      kind: "heartbeat",
      from: raft.id,
      to: progress.member,
      term: raft.term,
      commitIndex,
      commitHash: raft.log.hash(commitIndex),
      readToken,
    });
    progress.sentCommit = commitIndex;
  }
}

export function sendTimeoutNow(raft: Raft, to: MemberId, caughtUp: boolean): void {
  raft.send({ kind: "timeoutNow", from: raft.id, to, term: raft.term });
  raft.trace({ kind: "timeoutNowSent", to, caughtUp });
}

/** Commits what is durable on a quorum, if it ends with an entry of this term. The caller tells the members. */
export function maybeCommit(raft: Raft): boolean {
  if (!raft.log.maybeCommit(raft.tracker.committed(), raft.term)) return false;
  releasePendingReads(raft);
  return true;
}

function maybeSendSnapshot(raft: Raft, progress: Progress): boolean {
  const to = progress.member;
  if (!progress.recentActive) {
    raft.trace({ kind: "snapshotSkipped", to, reason: "inactive" });
    return false;
  }
  const snapshot = raft.log.snapshot();
  if (snapshot === undefined || snapshot.lastIncludedIndex === 0) {
    raft.trace({ kind: "snapshotSkipped", to, reason: "unavailable" });
    return false;
  }
  const before = progress.status();
  progress.becomeSnapshot(snapshot.lastIncludedIndex);
  raft.trace({
    kind: "snapshotSent",
    firstIndex: raft.log.firstIndex,
    commitIndex: raft.log.committed,
    index: snapshot.lastIncludedIndex,
    term: snapshot.lastIncludedTerm,
    before,
    after: progress.status(),
  });
  raft.send({ kind: "installSnapshot", from: raft.id, to, term: raft.term, snapshot });
  return true;
}
