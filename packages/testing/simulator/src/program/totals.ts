import { countText } from "@annals/kit";
import { FAULT_KINDS } from "../world/faultKinds.ts";
import type { EventKind } from "../world/journal.ts";
import { RARE_STATE_KINDS, RARE_STATES, SEEDS_WITH_ALL } from "../rareStates/rareStateKinds.ts";
import type { Outcome } from "../simulation.ts";

/** What many seeds add up to. */
export class Totals {
  readonly #counts = new Map<EventKind, number>();
  #passed = 0;
  #failed = 0;
  #events = 0;
  #acknowledgements = 0;
  #leaderships = 0;
  #simulatedUs = 0;

  get failed(): number {
    return this.#failed;
  }

  add(outcome: Outcome): void {
    if (outcome.violation === undefined) this.#passed++;
    else this.#failed++;
    this.#events += outcome.events;
    this.#acknowledgements += outcome.acknowledgements;
    this.#leaderships += outcome.leaderships;
    this.#simulatedUs += outcome.simulatedUs;
    for (const [kind, count] of outcome.counts)
      this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  /** States that never occurred, though there were enough seeds for each of them. */
  get missing(): readonly string[] {
    if (this.#passed + this.#failed < SEEDS_WITH_ALL) return [];
    return RARE_STATE_KINDS.filter((state) => (this.#counts.get(state) ?? 0) === 0);
  }

  /** How far a long run is. */
  progress(elapsedMs: number, forMs: number): string {
    const left = forMs === Infinity ? "" : ` · ${minutes(forMs - elapsedMs)} left`;
    return `${minutes(elapsedMs)} · ${countText(this.#passed)} passed, ${this.#failed} failed · ${countText(this.#events)} events${left}`;
  }

  /** The table of faults, then one line that sums up everything. */
  render(wallMs: number): string {
    const faults = FAULT_KINDS.map((kind) => [kind, this.#counts.get(kind) ?? 0] as const);
    const struck = faults.reduce((sum, [, count]) => sum + count, 0);
    const seconds = this.#simulatedUs / 1e6;
    const perSecond = Math.round(this.#events / (wallMs / 1000));
    return [
      "faults:",
      ...faults.map(([kind, count]) => `  ${kind.padEnd(12)} ${countText(count).padStart(12)}`),
      "states:",
      ...RARE_STATE_KINDS.map((state) => {
        const count = countText(this.#counts.get(state) ?? 0);
        return `  ${state.padEnd(18)} ${count.padStart(9)}  ${RARE_STATES[state]}`;
      }),
      [
        `${this.#passed} passed, ${this.#failed} failed`,
        `${countText(this.#events)} events`,
        `${countText(struck)} faults`,
        `${countText(this.#acknowledgements)} acknowledgements`,
        `${countText(this.#leaderships)} leaderships`,
        `${countText(this.#counts.get("truncated") ?? 0)} truncations`,
        `${countText(this.#counts.get("repaired") ?? 0)} repairs`,
        `${countText(Math.round(seconds))} s simulated in ${countText(Math.round(wallMs / 1000))} s`,
        `${countText(perSecond)} events/s`,
      ].join(" · "),
    ].join("\n");
  }
}

function minutes(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
