import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import type { StoredRecord } from "@annals/client";
import type { SinkLimits } from "../run/limits.ts";
import { SinkRunner } from "../run/runner.ts";
import type { SinkStatus } from "../run/status.ts";
import type { Sink } from "../sink.ts";
import { FaultySink } from "./faultySink.ts";
import type { SinkFaults } from "./faultySink.ts";
import { MemoryLog } from "./memoryLog.ts";
import { VirtualClock } from "./virtualClock.ts";

const WAIT_MS = 60_000;
/** Between them a disk or a network gets a millisecond. */
const TURNS = 100;

/** A sink under trial: its runner over a log in memory, with time that passes at once. */
export class SinkTrial<Mutation> {
  readonly clock: VirtualClock = new VirtualClock();
  readonly log: MemoryLog;
  readonly notes: string[] = [];
  readonly #sink: () => Sink<Mutation>;
  readonly #limits: Partial<SinkLimits>;
  readonly #scope: string;

  constructor(
    sink: () => Sink<Mutation>,
    records: readonly StoredRecord[],
    limits: Partial<SinkLimits> = {},
    scope: string = "log audit of a trial",
  ) {
    this.#scope = scope;
    this.#sink = sink;
    this.#limits = limits;
    this.log = new MemoryLog(this.clock, records);
  }

  runner(faults: SinkFaults = {}): SinkRunner<Mutation> {
    return new SinkRunner({
      name: "trial",
      log: "audit",
      letters: "audit.dead-letters",
      scope: this.#scope,
      group: "sink:trial",
      lane: 0,
      sink: () => new FaultySink(this.#sink(), faults),
      source: this.log,
      groupLane: this.log,
      deadLetters: this.log,
      clock: this.clock,
      randomBelow: (n) => n - 1,
      limits: this.#limits,
      start: ({ position }) => Promise.resolve(position),
      note: (text) => this.notes.push(text),
    });
  }

  /** Runs until the lane's position is the log's end, or the sink has stopped. */
  untilDone(faults?: SinkFaults): Promise<SinkStatus> {
    return this.until(this.runner(faults), () => this.log.position === this.log.records.length);
  }

  /** Runs until something holds, or the sink has stopped. */
  async until(runner: SinkRunner<Mutation>, holds: () => boolean): Promise<SinkStatus> {
    const abort = new AbortController();
    const stopped = { yet: false };
    const run = runner
      .run(abort.signal)
      .catch(() => undefined)
      .finally(() => {
        stopped.yet = true;
      });
    const deadlineMs = performance.now() + WAIT_MS;
    for (let turns = 0; !holds() && !stopped.yet; turns++) {
      if (performance.now() > deadlineMs)
        throw new Error(`still not so: ${JSON.stringify(runner.status, null, 1)}`);
      await (turns % TURNS === TURNS - 1 ? sleep(1) : turn());
    }
    // Of before it is told to stop.
    const { status } = runner;
    abort.abort();
    await run;
    return status;
  }
}
