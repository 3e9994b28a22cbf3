// Goal: whatever fails in whatever order, the database holds exactly what the plans of all good records say, in order, the bad ones are dead
// letters, nothing is larger than its cap, and the counts agree (S1, S3, S4, S6, S12, S13). Method: random records and a random schedule of
// faults over a database in memory with transactions: lost connections before and after commits, refusals for memory, outages of the log,
// lanes that are lost, runners that crash.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { InjectedFault } from "../src/kit/faultySink.ts";
import type { SinkFaults } from "../src/kit/faultySink.ts";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import type { Chunk } from "../src/sink.ts";
import { emptyDatabase, MemorySink } from "./memorySink.ts";
import type { Row } from "./memorySink.ts";

const FAULTS = ["none", "none", "before", "after", "tooLarge", "log", "steal", "crash"] as const;
type Fault = (typeof FAULTS)[number];

const RUNS = fc.record({
  items: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 60 }),
  bad: fc.array(fc.nat(59), { maxLength: 8 }),
  faults: fc.array(fc.constantFrom(...FAULTS), { maxLength: 60 }),
  chunkSize: fc.integer({ min: 1, max: 9 }),
  chunkBytes: fc.integer({ min: 1, max: 400 }),
  readBytes: fc.integer({ min: 1, max: 4_000 }),
});

/** Deals the schedule out, one fault a transaction; afterwards nothing fails any more. */
class Schedule implements SinkFaults {
  readonly chunks: Chunk<unknown>[] = [];
  crashed = false;
  readonly #faults: Fault[];
  readonly #steal: () => void;
  #now: Fault = "none";
  #logFails = false;

  constructor(faults: readonly Fault[], steal: () => void) {
    this.#faults = [...faults];
    this.#steal = steal;
  }

  chunk(chunk: Chunk<unknown>): void {
    this.chunks.push(chunk);
    this.#now = this.#faults.shift() ?? "none";
    if (this.#now === "crash") this.crashed = true;
    if (this.#now === "steal") this.#steal();
    if (this.#now === "log") this.#logFails = true;
  }

  before(): void {
    if (this.crashed || this.#now === "before") this.#fail("transient");
    if (this.#now === "tooLarge") this.#fail("tooLarge");
  }

  after(): void {
    if (this.#now === "after") this.#fail("transient");
  }

  log(): undefined {
    const fails = this.#logFails;
    this.#logFails = false;
    if (fails) throw new Error("no leader");
  }

  #fail(kind: "transient" | "tooLarge"): never {
    this.#now = "none";
    throw new InjectedFault(kind);
  }
}

test("every good record once and in order, every bad one a letter, no transaction above its caps", async () => {
  await fc.assert(
    fc.asyncProperty(RUNS, async ({ items, bad, faults, chunkSize, chunkBytes, readBytes }) => {
      const database = emptyDatabase();
      const isBad = (seq: number): boolean => bad.includes(seq - 1) && (items[seq - 1] ?? 0) > 0;
      // What is made up to try the place changes something.
      const itemsOf = ({ seq }: { readonly seq: number }): number => items[seq - 1] ?? 1;
      const sink = (): MemorySink => new MemorySink(database, { items: itemsOf, poison: isBad });
      const limits = { chunkSize, chunkBytes, readBytes };
      const trial = new SinkTrial<Row>(sink, sampleRecords(items.length), limits);
      const schedule = new Schedule(faults, () => trial.log.steal());
      // A lane that is not given back would be free after its lease, and this one has no end.
      trial.log.onCall = (name) => name === "release" || schedule.log();
      const isDone = (): boolean => trial.log.position === items.length;
      let applied = 0;
      for (let runs = 0; runs <= faults.length && !isDone(); runs++) {
        schedule.crashed = false;
        const runner = trial.runner(schedule);
        const status = await trial.until(runner, () => isDone() || schedule.crashed);
        expect(status.state).not.toBe("failed");
        expect(status.residual).toBe(0);
        applied += status.applied + status.deadLetters;
      }
      expect(isDone()).toBe(true);
      const wanted = items.flatMap((count, k) =>
        isBad(k + 1) ? [] : Array.from({ length: count }, (_, m) => `${k + 1}/${m}`),
      );
      // Of a bad record nothing is written, since the first part of it is refused.
      expect(database.rows.map(({ key }) => key)).toEqual(wanted);
      const letters = items.flatMap((_, k) => (isBad(k + 1) ? [k + 1] : []));
      expect(trial.log.letters.map(({ seq }) => seq)).toEqual(letters);
      for (const { mutations, bytes } of schedule.chunks) {
        expect(mutations.length).toBeLessThanOrEqual(chunkSize);
        expect(mutations.length > 1 && bytes > chunkBytes).toBe(false);
      }
      // Runners that lost their database count anew.
      expect(applied).toBeLessThanOrEqual(items.length);
    }),
    { numRuns: 150 },
  );
}, 60_000);
