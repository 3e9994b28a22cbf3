import { asIndex } from "@annals/raft";
import type { AppendEntries, LogIndex } from "@annals/raft";
import type { Mutant } from "../world/mutant.ts";
import { ackedByMost, patched } from "./patchedCore.ts";
import type { ProgressInside } from "./patchedCore.ts";
import type { Member } from "../world/machine.ts";

/** FAULT MODULE: bugs in who counts, and in what a follower takes from a leader. */
export const QUORUM_MUTANTS: readonly Mutant[] = [
  patched("learner-counted", "what a learner has acknowledged counts like a voter's", (raft) => {
    const { tracker } = raft;
    tracker.committed = () =>
      ackedByMost(tracker.members)[Math.floor(tracker.membership.voters.length / 2)] ?? 0;
  }),
  patched(
    "joint-left-early",
    "from the beginning of a joint configuration on the old half is not asked any more",
    (raft) => {
      const { tracker } = raft;
      tracker.committed = () => {
        const { voters } = tracker.membership;
        const own = tracker.members.filter(({ member }) => voters.includes(member));
        return ackedByMost(own)[Math.floor(voters.length / 2)] ?? 0;
      };
    },
  ),
  patched("no-step-down", "a leader without its quorum leads on", (raft) => {
    raft.tracker.quorumActive = () => true;
  }),
  patched(
    "leader-commit-unclamped",
    "a follower commits what the leader has, whether it is here or not",
    (raft) => {
      const { log } = raft;
      const maybeAppend = log.maybeAppend.bind(log);
      log.maybeAppend = (prev, entries, leaderCommit) => {
        const appended = maybeAppend(prev, entries, leaderCommit);
        if (appended !== "mismatch") log.commitTo(leaderCommit);
        return appended;
      };
    },
  ),
  commitBeyondCompared(),
  oldTermAppendAccepted(),
];

/** How far below what a rejection hints at the leader of this mutant goes on. */
const PROBE_BACK = 4;

/**
 * Our leaders never send entries that end below where the logs part: a rejection tells them the place, and what follows it conflicts. So
 * the bug has no room. Raft allows a leader to go back further, and with one that does, it has.
 */
function commitBeyondCompared(): Mutant {
  const known = new WeakSet<ProgressInside>();
  return patched(
    "commit-beyond-compared",
    "a follower commits what it has beyond the entries that were compared; leaders probe further back than they need to",
    ({ log }) => {
      const maybeAppend = log.maybeAppend.bind(log);
      log.maybeAppend = (prev, entries, leaderCommit) => {
        const appended = maybeAppend(prev, entries, leaderCommit);
        if (appended !== "mismatch")
          log.commitTo(leaderCommit < log.lastIndex ? leaderCommit : log.lastIndex);
        return appended;
      };
    },
    ({ tracker }) => {
      for (const { member } of tracker.members) {
        const progress = tracker.get(member);
        if (progress === undefined || known.has(progress)) continue;
        known.add(progress);
        const maybeDecrease = progress.maybeDecrease.bind(progress);
        progress.maybeDecrease = (rejected: LogIndex, hint: LogIndex) =>
          maybeDecrease(rejected, asIndex(Math.max(0, hint - PROBE_BACK)));
      }
    },
  );
}

/**
 * What an earlier leader has sent comes late, and is taken as if its term did not matter. A late message does harm only between the first
 * entries of the next leader and their commit, and those are few; so with this mutant the last one always comes then, once more.
 */
function oldTermAppendAccepted(): Mutant {
  const last = new WeakMap<Member, AppendEntries>();
  return {
    name: "old-term-append-accepted",
    bug: "a follower takes entries from the leader of an earlier term; the last ones come again behind the first of the next leader",
    receive: (messages, replica) =>
      messages.flatMap((message) => {
        if (message.kind !== "appendEntries" || message.entries.length === 0) return [message];
        const earlier = last.get(replica);
        last.set(replica, message);
        if (earlier === undefined || earlier.term >= message.term) return [message];
        return [message, { ...earlier, term: message.term }];
      }),
  };
}
