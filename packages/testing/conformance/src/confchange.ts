import {
  asIndex,
  changeSimply,
  enterJoint,
  leaveJoint,
  type MembershipOutcome,
  type MembershipRefusal,
  Tracker,
} from "@annals/raft";
import { boolean, value } from "./arguments.ts";
import { type Directive, ScriptError } from "./dataDriven.ts";
import { describeMembership, describeProgress } from "./describe.ts";
import { parseSteps } from "./membershipSteps.ts";

const INFLIGHT_MESSAGES = 10;

const REFUSALS: Readonly<Record<MembershipRefusal, string>> = {
  alreadyJoint: "config is already joint",
  noVoters: "can't make a zero-voter config joint",
  notJoint: "can't leave a non-joint config",
  jointNeedsLeaving: "can't apply simple config change in joint config",
  allVotersRemoved: "removed all voters",
  manyVotersChanged: "more than one voter changed without entering joint config",
};

/** Runs the files of membership arithmetic: one membership, changed step by step. */
export class ConfchangeEnvironment {
  readonly #tracker = new Tracker(INFLIGHT_MESSAGES, 0);
  /** Counts directives, as if each of them was an entry: where a member is first probed shows when it was added. */
  #lastIndex = 0;

  run(directive: Directive): string {
    const lastIndex = asIndex(this.#lastIndex);
    this.#lastIndex += 1;
    const parsed = parseSteps(directive.input);
    if ("error" in parsed) return parsed.error;
    const { command, args } = directive;
    const outcome = this.#change(
      command,
      parsed.steps,
      boolean(value(args, "autoleave") ?? "false"),
    );
    if (typeof outcome === "string") return outcome;
    if (outcome.kind === "refused") return REFUSALS[outcome.reason];
    this.#tracker.adopt(outcome.membership, outcome.added, lastIndex);
    const lines = this.#tracker.members.map(
      (progress) => `${progress.member}: ${describeProgress(progress.status())}`,
    );
    return [describeMembership(outcome.membership), ...lines].join("\n");
  }

  #change(
    command: string,
    steps: Parameters<typeof changeSimply>[1],
    autoLeave: boolean,
  ): MembershipOutcome | string {
    const { membership } = this.#tracker;
    switch (command) {
      case "simple":
        return changeSimply(membership, steps);
      case "enter-joint":
        return enterJoint(membership, autoLeave, steps);
      case "leave-joint":
        return steps.length > 0 ? "this command takes no input" : leaveJoint(membership);
      default:
        throw new ScriptError(`unknown command ${command}`);
    }
  }
}
