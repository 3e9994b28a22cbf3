import type { Mutant } from "../world/mutant.ts";
import { patched } from "./patchedCore.ts";

/** FAULT MODULE: bugs in what is made of disks that went back to what they were earlier. */
export const HISTORY_MUTANTS: readonly Mutant[] = [
  {
    ...patched(
      "started-asks-nobody",
      "a member that starts takes its disk for the newest",
      (raft) => {
        raft.recovery = undefined;
      },
    ),
    putBack: "member",
  },
  {
    ...patched(
      "recovery-answer-ignored",
      "a member that starts asks, and then votes as if nobody had answered",
      ({ recovery }) => {
        if (recovery !== undefined) recovery.elects = () => !recovery.waits;
      },
    ),
    putBack: "member",
  },
  {
    ...patched("history-not-compared", "hashes of histories are not compared", ({ log }) => {
      log.differsAt = () => false;
    }),
    putBack: "quorum",
  },
  {
    name: "diverged-goes-on",
    bug: "a replica writes down that its log has diverged, and goes on acknowledging",
    putBack: "quorum",
    goesOnDiverged: true,
  },
  {
    name: "divergence-forgotten",
    bug: "the next life of a replica does not know that its log has diverged",
    putBack: "quorum",
    forgetsDivergence: true,
  },
  {
    ...patched(
      "emptied-votes-at-once",
      "a member whose copy was given up votes and stands before it has the kept one",
      (raft) => {
        raft.emptied = undefined;
      },
    ),
    putBack: "quorum",
  },
  {
    name: "every-mark-cleared",
    bug: "the mark of a divergence is cleared on copies that are not kept, and they go on",
    putBack: "quorum",
    clearsEveryMark: true,
  },
  {
    name: "pending-has-a-say",
    bug: "a member that has not heard of a decision is heeded by those that have carried it out",
    putBack: "quorum",
    heedsEverybody: true,
  },
  {
    name: "emptied-opens-unmarked",
    bug: "an emptied copy is opened before its mark is written",
    putBack: "quorum",
    marksEmptiedLate: true,
  },
];
