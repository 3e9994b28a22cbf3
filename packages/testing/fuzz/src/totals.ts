import { countText } from "@annals/kit";
import type { BlockReport } from "./block.ts";

interface Row {
  inputs: number;
  failed: number;
  slowestMs: number;
  mostBytes: number;
  readonly outcomes: Map<string, number>;
}

/** What all blocks saw. */
export class FuzzTotals {
  readonly #rows = new Map<string, Row>();
  readonly #startedMs = performance.now();

  add(target: string, report: BlockReport): void {
    const { inputs, slowestMs, mostBytes, outcomes, failure } = report;
    const row = this.#rows.get(target) ?? {
      inputs: 0,
      failed: 0,
      slowestMs: 0,
      mostBytes: 0,
      outcomes: new Map<string, number>(),
    };
    row.inputs += inputs;
    row.failed += failure === undefined ? 0 : 1;
    row.slowestMs = Math.max(row.slowestMs, slowestMs);
    row.mostBytes = Math.max(row.mostBytes, mostBytes);
    for (const [outcome, count] of Object.entries(outcomes))
      row.outcomes.set(outcome, (row.outcomes.get(outcome) ?? 0) + count);
    this.#rows.set(target, row);
  }

  get failed(): number {
    return this.#sum((row) => row.failed);
  }

  table(): string {
    return [...this.#rows]
      .map(([target, { inputs, slowestMs, mostBytes, outcomes }]) =>
        [
          `${target}: ${countText(inputs)} inputs, slowest ${slowestMs.toFixed(1)} ms, most ${countText(mostBytes)} bytes`,
          ...[...outcomes]
            .toSorted(([, a], [, b]) => b - a)
            .map(([outcome, count]) => `  ${countText(count).padStart(11)}  ${outcome}`),
        ].join("\n"),
      )
      .join("\n");
  }

  /** The last line: what passed, what failed, how fast. */
  line(): string {
    const inputs = this.#sum((row) => row.inputs);
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const rate = countText(Math.round(inputs / seconds));
    return `${countText(inputs - this.failed)} passed, ${this.failed} failed · ${rate} inputs/s`;
  }

  #sum(of: (row: Row) => number): number {
    return [...this.#rows.values()].reduce((sum, row) => sum + of(row), 0);
  }
}
