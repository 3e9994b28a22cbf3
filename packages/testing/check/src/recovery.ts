import { isInForce } from "@annals/kit";
import type { CycleStep, DiskImage } from "@annals/kit";
import { equalBytes, ZERO_HASH } from "@annals/record";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/**
 * A start finds what was there: every cycle that was reported as done, all of the cut-off one if its meta page was on disk, nothing of it
 * if not ("All File Systems Are Not Created Equal", OSDI 2014: atomic and in order, or not at all). Damage to entries shows when they are
 * read.
 */
export class Recovery implements Checker {
  readonly #report: Report;
  /** By member: what must be found. */
  readonly #expected = new Map<number, DiskImage>();

  constructor(report: Report) {
    this.#report = report;
  }

  flushed(replica: Observed): void {
    this.#expected.set(replica.node, replica.view);
  }

  crashed(replica: Observed, step: CycleStep, pending: DiskImage | undefined): void {
    this.#expected.set(
      replica.node,
      pending !== undefined && isInForce(step) ? pending : replica.view,
    );
  }

  blanked(replica: Observed): void {
    this.#expected.delete(replica.node);
  }

  putBack(replica: Observed): void {
    this.#expected.delete(replica.node);
  }

  started(replica: Observed): void {
    const expected = this.#expected.get(replica.node);
    if (expected === undefined || isSame(expected, replica.durable)) return;
    this.#report(
      "recovery",
      `${describe(replica)} starts with ${show(replica.durable)}, it had ${show(expected)}`,
    );
  }
}

function isSame(one: DiskImage, other: DiskImage): boolean {
  const hash = ({ stored }: DiskImage): Uint8Array => stored.last?.hash ?? ZERO_HASH;
  const { term, votedFor, commitIndex } = one.hardState;
  const { hardState } = other;
  return (
    one.stored.count === other.stored.count &&
    equalBytes(hash(one), hash(other)) &&
    term === hardState.term &&
    votedFor === hardState.votedFor &&
    commitIndex === hardState.commitIndex &&
    one.appliedIndex === other.appliedIndex
  );
}

function show({ stored, hardState, appliedIndex }: DiskImage): string {
  const { term, votedFor, commitIndex } = hardState;
  return `${stored.count} entries, term ${term}, vote ${votedFor}, commit ${commitIndex}, applied ${appliedIndex}`;
}
