import type { MemoryRow, MemoryStatus } from "@annals/api";
import { BOUNDS } from "@annals/config";

const MEASURED: ReadonlySet<string> = new Set(
  BOUNDS.filter(({ measured }) => measured === true).map(({ name }) => name),
);

/** Holds what the gauges say against the table of bounds. A bound that did not hold is a bug of ours: it is told once and kept. */
export class BoundWatch {
  readonly #onViolation: (text: string) => void;
  readonly #violations = new Map<string, string>();

  constructor(onViolation: (text: string) => void) {
    this.#onViolation = onViolation;
  }

  /** What did not hold, ever. */
  check(status: Omit<MemoryStatus, "pauses" | "violations">): readonly string[] {
    const { accountedBytes, worstBytes } = status;
    if (accountedBytes > worstBytes)
      this.#violated("sum", `${accountedBytes} bytes are held, the budget is ${worstBytes}`);
    for (const row of status.rows) this.#checkRow(row);
    return [...this.#violations.values()];
  }

  #checkRow({ name, largest, cap, item }: MemoryRow): void {
    if (largest <= cap + item || MEASURED.has(name)) return;
    this.#violated(name, `${name} held ${largest}, its bound is ${cap} and ${item} beyond`);
  }

  #violated(what: string, text: string): void {
    if (this.#violations.has(what)) return;
    this.#violations.set(what, text);
    this.#onViolation(text);
  }
}
