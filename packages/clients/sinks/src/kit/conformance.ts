import type { StoredRecord } from "@annals/client";
import type { Chunk, Sink } from "../sink.ts";
import { InjectedFault } from "./faultySink.ts";
import type { SinkFaults } from "./faultySink.ts";
import { sampleRecords } from "./memoryLog.ts";
import { SinkTrial } from "./trial.ts";

/** What is done to a sink. */
export type SinkCaseName =
  | "a crash before any call, and after it"
  | "every other commit without an answer"
  | "records that cannot be written"
  | "an outage of 50 failures"
  | "two owners"
  | "an old copy of the place";

/** A sink and the place that it writes to, as the conformance kit needs them. */
export interface SinkHarness<Mutation> {
  /** Another sink on the same place, as another process would make it. */
  sink(): Sink<Mutation>;
  /** Everything that is written, in a form of which two are equal if the same was written; without tokens. */
  dump(): Promise<string>;
  /** Turns a record into one that the place refuses for what it is. Absent where that case does not apply. */
  readonly poison?: ((record: StoredRecord) => StoredRecord) | undefined;
  /** Keeps what is written as it is now, for `restore`. Both are absent where that case does not apply. */
  readonly backup?: (() => Promise<void>) | undefined;
  readonly restore?: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

/** Makes an empty place. */
export type MakeSink<Mutation> = () => Promise<SinkHarness<Mutation>>;

export interface SinkConformanceCase {
  readonly name: SinkCaseName;
  /** What has to hold then. */
  readonly demand: string;
  /** Rejects when the sink does not conform, or has not what the case needs. */
  readonly run: <Mutation>(make: MakeSink<Mutation>) => Promise<void>;
}

const RECORDS = 60;
/** Fewer, since the run is repeated for every call in it. */
const CRASH_RECORDS = 25;
const CHUNK = 7;
const LIMITS = { chunkSize: CHUNK, readBytes: 4_096 };
const OUTAGES = 50;

class Lost extends Error {}

/** What every sink must hold out; each case compares what is written with what an undisturbed run writes. */
export const SINK_CONFORMANCE: readonly SinkConformanceCase[] = [
  {
    name: "a crash before any call, and after it",
    demand: "each call in turn; what is written is that of an undisturbed run",
    run: crashes,
  },
  {
    name: "every other commit without an answer",
    demand: "nothing is lost, nothing is there twice",
    run: ambiguousCommits,
  },
  {
    name: "records that cannot be written",
    demand: "exactly those are dead letters, all others are written",
    run: poison,
  },
  {
    name: "an outage of 50 failures",
    demand: "no dead letter, no transaction larger than its caps, everything is written",
    run: outage,
  },
  {
    name: "two owners",
    demand: "whoever has lost the lane and does not know writes nothing more",
    run: duplicateOwner,
  },
  {
    name: "an old copy of the place",
    demand: "it is filled up; a copy of another log is refused",
    run: restoredCopy,
  },
];

async function crashes<M>(make: MakeSink<M>): Promise<void> {
  const wanted = await undisturbed(make, sampleRecords(CRASH_RECORDS));
  for (const when of ["before", "after"] as const) {
    // Until a run ends before its crash.
    for (let at = 1, crashed = true; crashed; at++) {
      crashed = false;
      let calls = 0;
      await withHarness(make, async (harness) => {
        const trial = new SinkTrial(() => harness.sink(), sampleRecords(CRASH_RECORDS), LIMITS);
        const runner = trial.runner({
          [when]: () => {
            crashed ||= ++calls === at;
            // The process is gone: nothing succeeds any more.
            if (crashed) throw new InjectedFault("transient", "crashed");
          },
        });
        await trial.until(runner, () => crashed || trial.log.position === CRASH_RECORDS);
        await trial.untilDone();
        expectSame(await harness.dump(), wanted, `crash ${when} call ${at}`);
      });
    }
  }
}

async function ambiguousCommits<M>(make: MakeSink<M>): Promise<void> {
  const wanted = await undisturbed(make, sampleRecords(RECORDS));
  let applies = 0;
  await disturbed(make, sampleRecords(RECORDS), wanted, {
    after: (call) => {
      if (call === "apply" && ++applies % 2 === 0) throw new InjectedFault("transient");
    },
  });
}

async function poison<M>(make: MakeSink<M>): Promise<void> {
  const bad = new Set([1, 20, 21, 45, RECORDS]);
  return withHarness(make, async (harness) => {
    const spoil = harness.poison;
    if (spoil === undefined) throw new Lost("the harness makes no record that is refused");
    const records = sampleRecords(RECORDS).map((one) => (bad.has(one.seq) ? spoil(one) : one));
    const trial = new SinkTrial(() => harness.sink(), records, LIMITS);
    const status = await trial.untilDone();
    const letters = trial.log.letters.map(({ seq }) => seq);
    expectSame(letters.join(), [...bad].join(), "dead letters");
    expectSame(`${status.applied}+${status.residual}`, `${RECORDS - bad.size}+0`, "applied");
  });
}

async function outage<M>(make: MakeSink<M>): Promise<void> {
  const wanted = await undisturbed(make, sampleRecords(RECORDS));
  let calls = 0;
  let largest = 0;
  const trial = await disturbed(make, sampleRecords(RECORDS), wanted, {
    chunk: ({ mutations }: Chunk<unknown>) => {
      largest = Math.max(largest, mutations.length);
    },
    before: () => {
      calls++;
      if (calls > 4 && calls <= 4 + OUTAGES) throw new InjectedFault("transient", "no connection");
    },
  });
  expectSame(String(largest <= CHUNK), "true", "items of a transaction within the cap");
  expectSame(String(trial.log.letters.length), "0", "dead letters");
}

async function duplicateOwner<M>(make: MakeSink<M>): Promise<void> {
  const wanted = await undisturbed(make, sampleRecords(RECORDS));
  return withHarness(make, async (harness) => {
    const trial = new SinkTrial(() => harness.sink(), sampleRecords(RECORDS), LIMITS);
    let chunks = 0;
    let rival: Promise<unknown> | undefined;
    await trial.untilDone({
      chunk: () => {
        // Another one gets the lane while this one is about to write, and does not know.
        if (++chunks !== 4) return;
        trial.log.steal();
        rival = trial.untilDone();
      },
    });
    await rival;
    expectSame(await harness.dump(), wanted, "two owners");
  });
}

async function restoredCopy<M>(make: MakeSink<M>): Promise<void> {
  const wanted = await undisturbed(make, sampleRecords(RECORDS));
  return withHarness(make, async (harness) => {
    const { backup, restore } = harness;
    if (backup === undefined || restore === undefined)
      throw new Lost("the harness keeps no copy of the place");
    const trial = new SinkTrial(() => harness.sink(), sampleRecords(RECORDS / 2), LIMITS);
    await trial.untilDone();
    await backup();
    trial.log.records.push(...sampleRecords(RECORDS / 2, RECORDS / 2 + 1));
    await trial.untilDone();
    await restore();
    const runner = trial.runner();
    await trial.until(runner, () => runner.status.position?.seq === RECORDS);
    expectSame(await harness.dump(), wanted, "after the copy was put back");

    const otherLog = sampleRecords(RECORDS).map((one) => ({ ...one, action: "other" }));
    const other = new SinkTrial(() => harness.sink(), otherLog, LIMITS);
    const status = await other.until(other.runner(), () => false);
    expectSame(String(status.lastError?.code), "ERR_SINK_HISTORY", "a place of another log");
  });
}

/** What a run without faults writes. */
function undisturbed<M>(make: MakeSink<M>, records: readonly StoredRecord[]): Promise<string> {
  return withHarness(make, async (harness) => {
    await new SinkTrial(() => harness.sink(), records, LIMITS).untilDone();
    return harness.dump();
  });
}

function disturbed<M>(
  make: MakeSink<M>,
  records: readonly StoredRecord[],
  wanted: string,
  faults: SinkFaults,
): Promise<SinkTrial<M>> {
  return withHarness(make, async (harness) => {
    const trial = new SinkTrial(() => harness.sink(), records, LIMITS);
    const status = await trial.untilDone(faults);
    expectSame(status.state, "running", JSON.stringify(status.lastError));
    expectSame(await harness.dump(), wanted, "what is written");
    return trial;
  });
}

async function withHarness<M, T>(
  make: MakeSink<M>,
  work: (harness: SinkHarness<M>) => Promise<T>,
): Promise<T> {
  const harness = await make();
  try {
    return await work(harness);
  } finally {
    await harness.close();
  }
}

function expectSame(found: string, wanted: string, what: string): void {
  if (found === wanted) return;
  const [is, should] = [found.split("\n"), wanted.split("\n")];
  const at = should.findIndex((line, k) => line !== is[k]);
  const line = at < 0 ? should.length : at;
  throw new Lost(
    `${what}: line ${line + 1} of ${is.length} is\n${is[line]}\nand should be, of ${should.length},\n${should[line]}`,
  );
}
