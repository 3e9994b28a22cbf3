import type { HardState, LogIndex, MembershipState, RaftStatus, Role, Trace } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import type { Checker, Observed } from "@annals/check";
import type { DiskImage } from "@annals/kit";
import type { RareState } from "./rareStateKinds.ts";

/** What is known of a replica in its present life. */
interface Scene {
  raft: RaftStatus | undefined;
  /** Last index of the write cycle that is neither flushed nor lost; undefined without one, or when it has no entries. */
  cycleEnd: number | undefined;
  /** A cycle went to the disk in this turn, with everything that waited for it. */
  cycleBegun: boolean;
  /** Entries were removed since that cycle went to the disk. */
  cycleOvertaken: boolean;
  /** Last index of what waits for that cycle to end; undefined when nothing does. */
  waitingEnd: number | undefined;
  /** The states that last a while, as of the last turn. */
  readonly lasting: Set<RareState>;
}

/** Traces that are states by themselves. */
const BY_TRACE: Partial<Record<Trace["kind"], RareState>> = {
  staleAppendDone: "staleCompletion",
  quorumLost: "quorumLost",
};

/**
 * Counts how often one log is in a state that is rare and that rules are about: a rule which is never put to the test proves nothing. It
 * reports no breach. A state that lasts is counted when it begins.
 */
export class RareStates implements Checker {
  readonly #note: (state: RareState, node: number) => void;
  readonly #scenes = new WeakMap<Observed, Scene>();
  #whenJoint: ((node: number) => void) | undefined;

  constructor(note: (state: RareState, node: number) => void) {
    this.#note = note;
  }

  /** Calls back once, when a follower next applies that the configuration is a joint one. */
  whenJoint(callback: (node: number) => void): void {
    this.#whenJoint = callback;
  }

  started(replica: Observed): void {
    this.#scenes.set(replica, {
      raft: undefined,
      cycleEnd: undefined,
      cycleBegun: false,
      cycleOvertaken: false,
      waitingEnd: undefined,
      lasting: new Set(),
    });
  }

  traced(replica: Observed, trace: Trace): void {
    const state = BY_TRACE[trace.kind];
    if (state !== undefined) this.#note(state, replica.node);
    if (trace.kind === "unstableReplaced" || trace.kind === "unstableTruncated")
      this.#removed(replica, trace.index);
    const follows = this.#scenes.get(replica)?.raft?.role !== "leader";
    if (trace.kind === "membershipSwitched" && isJoint(trace.membership) && follows) {
      const callback = this.#whenJoint;
      this.#whenJoint = undefined;
      callback?.(replica.node);
    }
  }

  /** Entries from `from` on were removed that no disk was known to have. */
  #removed(replica: Observed, from: LogIndex): void {
    const scene = this.#scenes.get(replica);
    if (scene === undefined) return;
    if (scene.cycleEnd !== undefined && from <= scene.cycleEnd) {
      this.#note("truncatedInFlight", replica.node);
      scene.cycleOvertaken = true;
    }
    if (scene.waitingEnd !== undefined && from <= scene.waitingEnd)
      this.#note("overlappingTickets", replica.node);
  }

  roleChanged(replica: Observed, role: Role): void {
    if (role !== "leader") return;
    if (isJoint(replica.membership)) this.#note("electedInJoint", replica.node);
    const { stored, hardState } = replica.durable;
    if (stored.count > hardState.commitIndex) this.#note("electedUncommitted", replica.node);
  }

  turned(replica: Observed, raft: RaftStatus): void {
    const scene = this.#scenes.get(replica);
    if (scene === undefined) return;
    const leads = raft.role === "leader";
    const before = scene.raft;
    scene.raft = raft;
    const stays = before?.role === "leader" && leads && before.term === raft.term;
    if (stays && before.transferee !== 0 && raft.transferee === 0)
      this.#note("transferGivenUp", replica.node);
    const { cycleEnd } = scene;
    const waits =
      cycleEnd !== undefined &&
      !scene.cycleBegun &&
      (raft.lastIndex > cycleEnd || scene.cycleOvertaken);
    scene.waitingEnd = waits ? raft.lastIndex : undefined;
    scene.cycleBegun = false;
    const durableEnd = replica.durable.stored.count;
    this.#lasts(replica, scene, "leaderUnflushed", leads && raft.commitIndex > durableEnd);
    this.#lasts(replica, scene, "windowFull", leads && raft.progress.some(isHeldUp));
  }

  #lasts(replica: Observed, { lasting }: Scene, state: RareState, is: boolean): void {
    if (!is) lasting.delete(state);
    else if (!lasting.has(state)) {
      lasting.add(state);
      this.#note(state, replica.node);
    }
  }

  writing(replica: Observed, { entries }: WriteCycle): void {
    const scene = this.#scenes.get(replica);
    if (scene === undefined) return;
    scene.cycleEnd = entries.at(-1)?.index;
    scene.cycleBegun = true;
    scene.cycleOvertaken = false;
  }

  flushed(replica: Observed, _before: HardState): void {
    const scene = this.#scenes.get(replica);
    if (scene !== undefined) scene.cycleEnd = undefined;
  }

  crashed(replica: Observed, _step: unknown, _pending: DiskImage | undefined): void {
    const raft = this.#scenes.get(replica)?.raft;
    this.#scenes.delete(replica);
    if (raft?.role !== "leader") return;
    if (raft.lastIndex > replica.durable.stored.count) this.#note("tailLost", replica.node);
    if (raft.transferee !== 0) this.#note("transferCut", replica.node);
  }

  /** A linearizable read is asked of a replica that takes itself for the leader, while another one leads a later term. */
  readOfDeposed(node: number): void {
    this.#note("deposedAsked", node);
  }

  /** The disks of a member are gone. */
  replaced(node: number, { learners }: MembershipState): void {
    if (learners.some((learner) => learner === node)) this.#note("learnerReplaced", node);
  }
}

function isJoint({ votersOutgoing }: MembershipState): boolean {
  return votersOutgoing.length > 0;
}

/** More is to be sent than the window takes. */
function isHeldUp({ inflightFull }: RaftStatus["progress"][number]): boolean {
  return inflightFull;
}
