import { equalBytes } from "@annals/record";
import { nextSlot } from "@annals/kit";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/** Entries at the end of the log that are hashed again; whatever a crash can spoil is there. */
const TAIL_ENTRIES = 64;

/** What a process finds on its disk is one log, after every truncation and crash: terms never fall, seqs are dense, the chain holds. */
export class ChainIntact implements Checker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  started(replica: Observed): void {
    const { stored } = replica.durable;
    let previous = stored.at(stored.count - TAIL_ENTRIES);
    for (let index = (previous?.entry.index ?? 0) + 1; index <= stored.count; index++) {
      const slot = stored.at(index);
      if (slot === undefined) return;
      const problem = linkProblem(previous, slot);
      if (problem !== undefined) {
        this.#report("chain intact", `${describe(replica)} starts with a broken log: ${problem}`);
        return;
      }
      previous = slot;
    }
  }
}

type Slot = Parameters<typeof nextSlot>[0];

function linkProblem(previous: Slot, slot: NonNullable<Slot>): string | undefined {
  try {
    const expected = nextSlot(previous, slot.entry);
    return equalBytes(expected.hash, slot.hash)
      ? undefined
      : `the hash of entry ${slot.entry.index} does not continue the chain`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
