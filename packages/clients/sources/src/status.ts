import { codeOf, messageOf } from "@annals/sinks";

/**
 * `starting`: it is not let in yet. `standby`: another process has all of it. `backing-off`: something is away, and it is tried again.
 * `failed`: stopped, until somebody mends what `lastError` says and starts it again.
 */
export type SourceState = "starting" | "standby" | "running" | "backing-off" | "failed" | "stopped";

/** How far one part of a source is, such as a partition of a topic. */
export interface SourcePart {
  /** `topic/partition`, or the name of a table. */
  readonly part: string;
  /** What comes next; null: nobody knows yet. */
  readonly position: string | null;
  /** Messages or rows behind it; null: nobody knows. */
  readonly lag: number | null;
}

export interface SourceFailure {
  readonly code: string | undefined;
  readonly message: string;
  /** RFC 3339. */
  readonly time: string;
}

/** One source of a runner, as `annals source show` prints it. Counts are since the runner began. */
export interface SourceStatus {
  readonly name: string;
  readonly log: string;
  /** What it reads from: kind and address, without secrets. */
  readonly target: string;
  readonly state: SourceState;
  /** Messages or rows that are on record, those that did not fit among them. */
  readonly records: number;
  readonly deadLetters: {
    /** The mapping does not take them. */
    readonly mapping: number;
    /** The log does not take them: a schema, or their size. */
    readonly refused: number;
  };
  /** Records with which this process took a part over. */
  readonly takeovers: number;
  /** Times that the parts were dealt out anew. */
  readonly rebalances: number;
  /** Failures after which it was tried again. */
  readonly retries: number;
  /** Of all parts whose lag is known; null: of none. */
  readonly lag: number | null;
  /** The parts that this process has, by name; at most 200. */
  readonly parts: readonly SourcePart[];
  /** Parts beyond these. */
  readonly partsNotShown: number;
  readonly lastError: SourceFailure | null;
}

/** What a writer counts. */
export type SourceCount = "records" | "unmapped" | "refused" | "takeovers";

const PARTS_SHOWN_MAX = 200;

interface Part {
  /** What comes next, and what comes behind the end, where these are numbers. */
  next?: bigint;
  end?: bigint;
  position?: string;
  lag?: number;
}

/** What a source counts. Only the source writes. */
export class SourceMeter {
  readonly #named: Pick<SourceStatus, "name" | "log" | "target">;
  readonly #counts: Record<SourceCount, number> = {
    records: 0,
    unmapped: 0,
    refused: 0,
    takeovers: 0,
  };
  #parts = new Map<string, Part>();
  #rebalances = 0;
  #retries = 0;
  #lastError: SourceFailure | undefined;
  state: SourceState = "starting";

  constructor(named: Pick<SourceStatus, "name" | "log" | "target">) {
    this.#named = named;
  }

  count(what: SourceCount, by = 1): void {
    this.#counts[what] += by;
  }

  /** These parts are this process's from now on, and no others. */
  dealt(parts: readonly string[]): void {
    this.#rebalances++;
    this.#parts = new Map(parts.map((part) => [part, {}]));
  }

  /** The part has everything before `next`. */
  moved(part: string, next: bigint): void {
    const known = this.#parts.get(part);
    if (known !== undefined) reckon(Object.assign(known, { next }));
    this.state = "running";
  }

  /** The part's place and end are known from elsewhere; what this process has recorded counts more. */
  found(part: string, next: bigint, end: bigint): void {
    const known = this.#parts.get(part);
    if (known !== undefined) reckon(Object.assign(known, { next: known.next ?? next, end }));
  }

  /** The same, where a position is no number; undefined: the lag was not asked for now. */
  stands(part: string, position: string, lag: number | undefined): void {
    const known = this.#parts.get(part);
    if (known !== undefined) Object.assign(known, { position, lag: lag ?? known.lag });
    this.state = "running";
  }

  /** It is tried again. */
  failed(error: unknown, state: "backing-off" | "failed"): void {
    if (state === "backing-off") this.#retries++;
    this.state = state;
    const time = new Date().toISOString();
    this.#lastError = { code: codeOf(error), message: messageOf(error), time };
  }

  status(): SourceStatus {
    const { records, unmapped, refused, takeovers } = this.#counts;
    const parts = [...this.#parts].map(([part, { position, lag }]) => ({
      part,
      position: position ?? null,
      lag: lag ?? null,
    }));
    const known = parts.flatMap(({ lag }) => (lag === null ? [] : [lag]));
    const shown = parts.toSorted((a, b) => (a.part < b.part ? -1 : 1)).slice(0, PARTS_SHOWN_MAX);
    return {
      ...this.#named,
      state: this.state,
      records,
      deadLetters: { mapping: unmapped, refused },
      takeovers,
      rebalances: this.#rebalances,
      retries: this.#retries,
      lag: known.length === 0 ? null : known.reduce((sum, lag) => sum + lag, 0),
      parts: shown,
      partsNotShown: parts.length - shown.length,
      lastError: this.#lastError ?? null,
    };
  }
}

function reckon(part: Part): void {
  const { next, end } = part;
  if (next === undefined) return;
  part.position = String(next);
  if (end !== undefined) part.lag = Number(end > next ? end - next : 0n);
}
