import type { LogIndex, MemberId, Message } from "@annals/raft";
import type { PeerTransport } from "@annals/replica";
import type { Mutant } from "../world/mutant.ts";
import { ackedByMost, patched } from "./patchedCore.ts";

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
      const acked = ackedByMost(tracker.members);
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
  {
    ...patched(
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
    excuses: "check quorum",
  },
  {
    ...patched(
      "read-token-reused",
      "every round of heartbeats for reads has the same token; old answers come again, and isolated leaders lead on",
      ({ readOnly, tracker }) => {
        const ack = readOnly.ack.bind(readOnly);
        readOnly.ack = (from, token) => ack(from, token === 0 ? 0 : readOnly.token);
        tracker.quorumActive = () => true;
      },
    ),
    excuses: "check quorum",
    wrapTransport: (transport) => answeringAgain(transport),
  },
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

/** Before anything else the last answer to a heartbeat with a token arrives once more, as a network may bring it about. */
function answeringAgain(transport: PeerTransport): PeerTransport {
  const answers = new Map<MemberId, Message>();
  return {
    send: (to, messages) => {
      const earlier = answers.get(to);
      for (const message of messages)
        if (message.kind === "heartbeatResponse" && message.readToken > 0) answers.set(to, message);
      transport.send(to, earlier === undefined ? messages : [earlier, ...messages]);
    },
  };
}
