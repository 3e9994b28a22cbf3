import { equalBytes } from "@annals/record";
import type { StoredSlot } from "@annals/kit";
import type { Report } from "./checker.ts";

interface Proposed {
  readonly data: Uint8Array;
  /** Index of the last command that was acknowledged before this one was proposed. */
  readonly floor: number;
  index: number;
  refused: boolean;
}

const MARK = "mark ";

/** The bytes of a command that means nothing but itself. */
export function markOf(number: number): Uint8Array {
  return new TextEncoder().encode(`${MARK}${number}`);
}

/** Commands are in the log once or not at all: acknowledged means at that index, behind what was acknowledged before; refused, absent. */
export class CommandOracle {
  readonly #report: Report;
  readonly #proposed = new Map<number, Proposed>();
  #acknowledgedIndex = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  proposed(number: number): void {
    const data = markOf(number);
    this.#proposed.set(number, { data, floor: this.#acknowledgedIndex, index: 0, refused: false });
  }

  refused(number: number): void {
    const proposed = this.#proposed.get(number);
    if (proposed === undefined) return;
    proposed.refused = true;
    if (proposed.index > 0)
      this.#report("refused is absent", `command ${number} is refused and at ${proposed.index}`);
  }

  acknowledged(number: number, index: number): void {
    const proposed = this.#proposed.get(number);
    if (proposed === undefined) return;
    if (proposed.index !== index)
      this.#report(
        "acknowledged is present",
        `command ${number} is acknowledged at ${index}, it is at ${proposed.index}`,
      );
    if (index <= proposed.floor)
      this.#report(
        "real-time order",
        `command ${number} is at ${index}, ${proposed.floor} was acknowledged before it was sent`,
      );
    this.#acknowledgedIndex = Math.max(this.#acknowledgedIndex, index);
  }

  /** An entry was committed; called in the order of the log. */
  committed({ entry }: StoredSlot): void {
    if (entry.kind !== "command") return;
    const text = new TextDecoder().decode(entry.data);
    if (!text.startsWith(MARK)) return;
    const number = Number(text.slice(MARK.length));
    const proposed = this.#proposed.get(number);
    if (proposed === undefined || !equalBytes(proposed.data, entry.data)) {
      this.#report("no phantom", `entry ${entry.index} is a command that nobody sent: ${text}`);
      return;
    }
    if (proposed.index > 0)
      this.#report("no duplicate", `command ${number} is at ${proposed.index} and ${entry.index}`);
    if (proposed.refused)
      this.#report("refused is absent", `command ${number} was refused, it is at ${entry.index}`);
    proposed.index = entry.index;
  }
}
