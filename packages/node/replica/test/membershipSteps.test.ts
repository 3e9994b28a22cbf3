/** Goal: every step from a lost disk to a full membership is safe, and there is none when there is nothing to do. Method: a table. */
import { asIndex, asMemberId, asTerm, NOBODY } from "@annals/raft";
import type { MembershipState, ProgressStatus, RaftStatus } from "@annals/raft";
import { describe, expect, it } from "vitest";
import { nextMembershipChange } from "../src/membershipSteps.ts";

const COMMIT_INDEX = 1000;

function progress(member: number, matchIndex: number, recentActive = true): ProgressStatus {
  return {
    member: asMemberId(member),
    state: "replicate",
    matchIndex: asIndex(matchIndex),
    nextIndex: asIndex(matchIndex + 1),
    learner: false,
    paused: false,
    pendingSnapshot: asIndex(0),
    recentActive,
    inflightMessages: 0,
    inflightBytes: 0,
    inflightFull: false,
  };
}

function status(
  lists: { voters: number[]; outgoing?: number[]; learners?: number[] },
  peers: readonly ProgressStatus[] = [],
): RaftStatus {
  const membership: MembershipState = {
    voters: lists.voters.map(asMemberId),
    votersOutgoing: (lists.outgoing ?? []).map(asMemberId),
    learners: (lists.learners ?? []).map(asMemberId),
    learnersNext: [],
    autoLeave: false,
  };
  return {
    id: asMemberId(1),
    role: "leader",
    leader: asMemberId(1),
    term: asTerm(2),
    votedFor: asMemberId(1),
    firstIndex: asIndex(1),
    lastIndex: asIndex(COMMIT_INDEX + 5),
    commitIndex: asIndex(COMMIT_INDEX),
    applied: asIndex(COMMIT_INDEX),
    membership,
    progress: peers,
    transferee: NOBODY,
    uncommittedBytes: 0,
    recovery: undefined,
    emptied: undefined,
    readsWaiting: 0,
  };
}

function steps(state: RaftStatus, desired: readonly number[]): readonly string[] {
  const change = nextMembershipChange(state, desired.map(asMemberId));
  return (change?.steps ?? []).map(({ op, member }) => `${op} ${member}`);
}

describe("the next membership change", () => {
  it("is none when everybody is there", () => {
    expect(steps(status({ voters: [1, 2, 3] }), [1, 2, 3])).toEqual([]);
  });

  it("takes a newcomer in as a learner first, and removes nobody for it", () => {
    expect(steps(status({ voters: [1, 2, 3] }), [1, 2, 9])).toEqual(["addLearner 9"]);
  });

  it("waits while the learner is behind or silent", () => {
    const behind = status({ voters: [1, 2, 3], learners: [9] }, [progress(9, 10)]);
    const silent = status({ voters: [1, 2, 3], learners: [9] }, [progress(9, COMMIT_INDEX, false)]);
    expect(steps(behind, [1, 2, 9])).toEqual([]);
    expect(steps(silent, [1, 2, 9])).toEqual([]);
  });

  it("swaps the caught-up learner for its predecessor in one joint change", () => {
    const ready = status({ voters: [1, 2, 3], learners: [9] }, [progress(9, COMMIT_INDEX - 1)]);
    expect(steps(ready, [1, 2, 9])).toEqual(["addVoter 9", "remove 3"]);
  });

  it("does nothing while a configuration is joint", () => {
    const joint = status({ voters: [1, 2, 9], outgoing: [1, 2, 3] }, [progress(9, COMMIT_INDEX)]);
    expect(steps(joint, [1, 2, 9])).toEqual([]);
  });

  it("forgets a learner that was replaced before it was promoted", () => {
    const twice = status({ voters: [1, 2, 3], learners: [8, 9] }, [
      progress(8, 1),
      progress(9, COMMIT_INDEX),
    ]);
    expect(steps(twice, [1, 2, 9])).toEqual(["addVoter 9", "remove 3", "remove 8"]);
  });

  it("keeps the place of a second lost voter until its own successor is there", () => {
    const one = status({ voters: [1, 2, 3], learners: [8, 9] }, [
      progress(8, COMMIT_INDEX),
      progress(9, 5),
    ]);
    expect(steps(one, [1, 8, 9])).toEqual(["addVoter 8", "remove 2"]);
  });

  it("does not promote a learner that has said nothing yet, however short the log is", () => {
    const young = { ...status({ voters: [1, 2, 3], learners: [9] }, [progress(9, 0)]) };
    expect(steps({ ...young, commitIndex: asIndex(10) }, [1, 2, 9])).toEqual([]);
  });

  it("counts the leader among those who are to leave, so that two of them do not keep each other", () => {
    const waiting = status({ voters: [1, 2, 3], learners: [9] }, [progress(9, 10)]);
    expect(steps(waiting, [3, 9])).toEqual(["remove 2"]);
  });

  it("never removes the leader itself", () => {
    expect(steps(status({ voters: [1, 2, 3] }), [2, 3])).toEqual([]);
  });
});
