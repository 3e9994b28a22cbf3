import { StampClock } from "@annals/replica";
import type { ReplicaStatus } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Observed, Report } from "./checker.ts";

/** The bound on clocks, what an answer may be uncertain by, and what right clocks differ by. */
const AHEAD_MS_MAX = 5000 + 5000 + 1000;
const CLOCK_HAND_OVER_MS = 60_000;

/** A stamp clock that tells what it is asked for. */
export class WatchedStampClock extends StampClock {
  readonly #onStamp: (stamp: number, last: number) => void;

  constructor(
    options: ConstructorParameters<typeof StampClock>[0],
    onStamp: (stamp: number, last: number) => void,
  ) {
    super(options);
    this.#onStamp = onStamp;
  }

  override stampAfter(last: number): number | undefined {
    const stamp = super.stampAfter(last);
    if (stamp !== undefined) this.#onStamp(stamp, last);
    return stamp;
  }
}

/**
 * No record is stamped with a time to come, but for the bound on clocks, as long as one clock at most is wrong at a time; and a log changes
 * its leader for the sake of a clock once a minute at most.
 */
export class TrueTime {
  readonly #report: Report;
  readonly #nowMs: () => number;
  /** By replica: when it handed over last, and how often it had by then. */
  readonly #handOvers = new Map<Observed, { readonly count: number; readonly atMs: number }>();

  constructor(report: Report, nowMs: () => number) {
    this.#report = report;
    this.#nowMs = nowMs;
  }

  started(replica: Observed): void {
    this.#handOvers.delete(replica);
  }

  /** `last`: the stamp of the record before, which may be wrong already. */
  stamped(who: string, stamp: number, last: number, trueTime: number): void {
    if (stamp > last && stamp > trueTime + AHEAD_MS_MAX)
      this.#report(
        "stamps keep the time",
        `${who} stamps ${stamp - trueTime} ms ahead of the time`,
      );
  }

  turned(
    replica: Observed,
    { clockHandOvers: count }: Pick<ReplicaStatus, "clockHandOvers">,
  ): void {
    const before = this.#handOvers.get(replica);
    if (count === (before?.count ?? 0)) return;
    const nowMs = this.#nowMs();
    if (before !== undefined && nowMs - before.atMs < CLOCK_HAND_OVER_MS)
      this.#report("hand-overs", `${describe(replica)} hands over twice within a minute`);
    this.#handOvers.set(replica, { count, atMs: nowMs });
  }
}
