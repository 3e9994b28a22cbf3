import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { LogDecision } from "@annals/system";
import { carryOut } from "./carryOut.ts";
import type { CarryOutOptions } from "./carryOut.ts";

export interface LogVerdictOptions extends CarryOutOptions {
  /** The decision was carried out on the copy here. */
  readonly onDone: (decision: number) => void;
  readonly onLine: (
    level: "info" | "warn",
    text: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

/** What was decided for a log of this node, whether it was carried out here, and whose word counts meanwhile. */
export class LogVerdict {
  readonly #options: LogVerdictOptions;
  #decision: LogDecision | undefined;
  /** The latest decision of which nothing is left to do here. */
  #settled = 0;

  constructor(options: LogVerdictOptions, decision: LogDecision | undefined) {
    this.#options = options;
    this.#decision = decision;
  }

  learn(decision: LogDecision): void {
    this.#decision = decision;
  }

  /** The decision that waits for this node; undefined for none. */
  get due(): LogDecision | undefined {
    const decision = this.#decision;
    const concerned = decision?.pending.includes(this.#options.self) === true;
    return concerned && decision.index > this.#settled ? decision : undefined;
  }

  /**
   * Whether a member has a say in this log. One that has not carried the decision out may hold, and vote for, a history that was given up:
   * it would lead the others back to it, or prove to them that theirs is another one.
   */
  heeds(member: MemberId): boolean {
    return this.#decision?.pending.includes(member) !== true;
  }

  /** Does what is due, on a log that is closed. Resolves with true if another log is in its place. */
  async carryOut(): Promise<boolean> {
    const decision = this.due;
    if (decision === undefined) return false;
    const { onDone, onLine } = this.#options;
    const { index, keep, by } = decision;
    const fields = { decision: index, keep, by };
    const done = await carryOut(this.#options, decision);
    switch (done.kind) {
      case "kept":
        onLine("warn", "decision carried out: the copy of this node is the log", fields);
        break;
      case "aside":
        onLine("warn", "decision carried out: the copy of this node was put aside", {
          ...fields,
          aside: done.path,
        });
        break;
      case "before":
        break;
      case "missing":
        return false;
      case "refused":
        this.#settled = index;
        onLine("warn", "decision not carried out", { ...fields, reason: done.why });
        return false;
      default:
        done satisfies never;
    }
    this.#settled = index;
    onDone(index);
    return done.kind === "aside";
  }
}

/** Why a member cannot stream to the log. */
export const NOT_HEEDED: { readonly code: string; readonly reason: string } = {
  code: "ERR_LOG_NOT_OPEN",
  reason: "a decision for this log is not carried out yet at your end, as far as is known here",
};

/** What clients are told while a decision is carried out. */
export function logResolving({ index, keep }: LogDecision): AnnalsError {
  return new AnnalsError(
    "ERR_LOG_NOT_OPEN",
    `the log is closed on this node while decision ${index}, to keep the copy of ${keep}, is carried out`,
    { retryable: true },
  );
}
