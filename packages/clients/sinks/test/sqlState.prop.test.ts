// Goal: whatever a database says, what refuses every record never makes a dead letter, and the good neighbours of a record that alone is refused
// are written. Method: every class of SQLSTATE, thrown for all records or for one of them, over a sink in memory that means by it what the
// PostgreSQL sink does.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { classifySqlState } from "../src/postgres/sqlState.ts";
import type { FailureClass } from "../src/sink.ts";
import { emptyDatabase, MemorySink } from "./memorySink.ts";
import type { MemoryDatabase, Row } from "./memorySink.ts";

const CLASSES = [
  ..."01 02 03 08 09 0A 0B 0F 0L 0P 0Z 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42".split(
    " ",
  ),
  ..."44 53 54 55 57 58 72 F0 HV P0 XX".split(" "),
];
const SUBCLASSES = ["000", "001", "003", "004", "200", "502", "503", "505", "514", "P01", "P05"];
const RECORDS = 30;

class Stated extends Error {
  readonly code: string;
  constructor(code: string) {
    super("refused");
    this.code = code;
  }
}

class StatingSink extends MemorySink {
  readonly #code: string;
  readonly #refuses: (seq: number) => boolean;

  constructor(database: MemoryDatabase, code: string, refuses: (seq: number) => boolean) {
    super(database);
    this.#code = code;
    this.#refuses = refuses;
  }

  override async probe(rows: readonly Row[]): Promise<void> {
    if (rows.some(({ key }) => this.#refuses(Number(key.split("/")[0]))))
      throw new Stated(this.#code);
  }

  override classify(error: unknown): FailureClass {
    return error instanceof Stated ? classifySqlState(error) : super.classify(error);
  }
}

const STATES = fc
  .tuple(fc.constantFrom(...CLASSES), fc.constantFrom(...SUBCLASSES))
  .map(([one, other]) => `${one}${other}`);

test("a state that meets every record makes no dead letter", async () => {
  await fc.assert(
    fc.asyncProperty(STATES, fc.integer({ min: 0, max: RECORDS - 1 }), async (code, from) => {
      const database = emptyDatabase();
      let isBroken = false;
      const sink = (): MemorySink => new StatingSink(database, code, () => isBroken);
      const trial = new SinkTrial<Row>(sink, sampleRecords(RECORDS), { chunkSize: 4 });
      let calls = 0;
      const runner = trial.runner({
        chunk: ({ next }) => {
          isBroken ||= next.seq > from;
          calls++;
        },
      });
      // An outage is waited for without end.
      const status = await trial.until(runner, () => calls > 60);
      expect(trial.log.letters).toEqual([]);
      expect(["failed", "running", "backing-off", "standby"]).toContain(status.state);
      expect(database.rows.length).toBeLessThanOrEqual(from);
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("a state that meets one record leaves all others written or waiting", async () => {
  await fc.assert(
    fc.asyncProperty(STATES, fc.integer({ min: 1, max: RECORDS }), async (code, bad) => {
      const database = emptyDatabase();
      const sink = (): MemorySink => new StatingSink(database, code, (seq) => seq === bad);
      const trial = new SinkTrial<Row>(sink, sampleRecords(RECORDS), { chunkSize: 4 });
      let calls = 0;
      const runner = trial.runner({ chunk: () => calls++ });
      await trial.until(runner, () => calls > 100 || trial.log.position === RECORDS);
      const isData = classifySqlState(new Stated(code)) === "data";
      expect(trial.log.letters.map(({ seq }) => seq)).toEqual(isData ? [bad] : []);
      const written = isData ? RECORDS - 1 : bad - 1;
      expect(database.rows.length).toBeLessThanOrEqual(written);
      expect(database.rows.length).toBeGreaterThanOrEqual(isData ? written : 0);
    }),
    { numRuns: 200 },
  );
}, 60_000);
