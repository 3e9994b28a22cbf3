/** What a node holds and may hold. Rows are those of docs/bounds.md that have a gauge. */
export interface MemoryStatus {
  /** `memory.limit`. */
  readonly limit: number;
  /** Sum of all bounds with each at its cap and one item beyond. */
  readonly worstBytes: number;
  /** Sum of what the rows hold now. */
  readonly accountedBytes: number;
  /** The resident set of the process. */
  readonly rssBytes: number;
  /** Bounds that did not hold at some time, each a bug, as the status saw it; empty. */
  readonly violations: readonly string[];
  readonly rows: readonly MemoryRow[];
  /** How often reading or decoding was paused, by the kind of reason; of a worker that ended, as often as it had said by then. */
  readonly pauses: Readonly<Record<string, number>>;
}

export interface MemoryRow {
  readonly name: string;
  /** Of `cap`, `item`, `current`, `peak` and `largest`. */
  readonly unit: "bytes" | "count";
  /** How many of it this node has. */
  readonly count: number;
  /** Of one of them, and the item that may cross it. */
  readonly cap: number;
  readonly item: number;
  readonly worstBytes: number;
  /** What all of them hold now, and held at most. */
  readonly current: number;
  readonly peak: number;
  /** The most that a single one ever held: at most `cap` and `item`. */
  readonly largest: number;
}
