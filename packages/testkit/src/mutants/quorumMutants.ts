import type { Mutant } from "./mutant.ts";
import { patched } from "./patchedCore.ts";

/** FAULT MODULE: bugs in who counts, and in what a follower takes from a leader. */
export const QUORUM_MUTANTS: readonly Mutant[] = [
  patched("learner-counted", "what a learner has acknowledged counts like a voter's", (raft) => {
    const { tracker } = raft;
    tracker.committed = () => {
      const acked = tracker.members.map(({ matchIndex }) => matchIndex).toSorted((a, b) => b - a);
      return acked[Math.floor(tracker.membership.voters.length / 2)] ?? 0;
    };
  }),
  patched(
    "joint-left-early",
    "from the beginning of a joint configuration on the old half is not asked any more",
    (raft) => {
      const { tracker } = raft;
      tracker.committed = () => {
        const { voters } = tracker.membership;
        const acked = tracker.members
          .filter(({ member }) => voters.includes(member))
          .map(({ matchIndex }) => matchIndex)
          .toSorted((a, b) => b - a);
        return acked[Math.floor(voters.length / 2)] ?? 0;
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
  {
    name: "old-term-append-accepted",
    bug: "a follower takes entries from the leader of an earlier term",
    receive: (messages, { raft }) =>
      messages.map((message) => {
        if (message.kind !== "appendEntries" || raft === undefined) return message;
        const { term } = raft;
        return message.term < term ? { ...message, term } : message;
      }),
  },
];
