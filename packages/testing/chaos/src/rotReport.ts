/** What became of one trial. `rejoined`: the disk was given up and the node came back, or would come back, as a new member. */
export interface RotOutcome {
  readonly result: "harmless" | "repaired" | "rejoined" | "failed";
  /** What was damaged. */
  readonly what: string;
  readonly failure: string | undefined;
}

interface Row {
  trials: number;
  harmless: number;
  repaired: number;
  rejoined: number;
  failed: number;
}

/** Counts outcomes by kind, for the table at the end. */
export class RotReport {
  readonly #rows = new Map<string, Row>();

  add(kind: string, { result }: RotOutcome): void {
    const row = this.#rows.get(kind) ?? {
      trials: 0,
      harmless: 0,
      repaired: 0,
      rejoined: 0,
      failed: 0,
    };
    row.trials += 1;
    row[result] += 1;
    this.#rows.set(kind, row);
  }

  get passed(): number {
    return this.#sum((row) => row.trials - row.failed);
  }

  get failed(): number {
    return this.#sum((row) => row.failed);
  }

  #sum(of: (row: Row) => number): number {
    return [...this.#rows.values()].reduce((sum, row) => sum + of(row), 0);
  }

  /** Whatever is not as it was, and was not found, counts as a wrong byte. */
  table(): string {
    const head = [
      "kind",
      "trials",
      "harmless",
      "detected",
      "repaired from peers",
      "rejoined as new member",
      "failed or wrong bytes",
    ];
    const rows = [...this.#rows].map(([kind, row]) => [
      kind,
      row.trials,
      row.harmless,
      row.repaired + row.rejoined,
      row.repaired,
      row.rejoined,
      row.failed,
    ]);
    return [head, ...rows]
      .map((cells) =>
        cells
          .map((cell, k) => String(cell).padEnd(k === 0 ? 20 : (head[k]?.length ?? 0)))
          .join("  "),
      )
      .join("\n");
  }
}
