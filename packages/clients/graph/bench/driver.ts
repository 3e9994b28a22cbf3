/** Shared by the benches that run a whole runner: a log whose records are made as they are read, and a lane that nobody else wants. */
import { setTimeout as wait } from "node:timers/promises";
import type { StoredRecord } from "@annals/client";
import { SinkRunner, SYSTEM_CLOCK } from "@annals/sinks";
import type { DeadLetter, Sink, SinkStatus } from "@annals/sinks";
import type { GraphMutation } from "../src/mutation.ts";

const RECORD_BYTES = 250;

export interface Drive {
  /** Seqs from 1 to here. */
  readonly records: number;
  readonly recordsOf: (from: number, to: number) => Iterable<StoredRecord>;
  readonly sink: () => Sink<GraphMutation>;
  /** Of the lane: whoever comes later has a greater one. */
  readonly token: number;
  readonly onLetter?: (letter: DeadLetter) => void;
}

/** Runs a sink over the whole log, and gives what its runner says in the end. Throws what ends the runner. */
export async function drive(options: Drive): Promise<SinkStatus> {
  const { records, recordsOf, sink, token, onLetter } = options;
  const runner = new SinkRunner({
    letters: "bench.dead-letters",
    scope: "cluster bench, log bench",
    name: "bench",
    log: "bench",
    group: "sink.bench",
    lane: 0,
    sink,
    source: {
      read: async (from, maxBytes, waitMs, signal) => {
        const to = Math.min(records, from - 1 + Math.ceil(maxBytes / RECORD_BYTES));
        if (to < from) await SYSTEM_CLOCK.sleep(Math.min(waitMs, 10), signal);
        const read = [...recordsOf(from, to)];
        return { records: read, to: Math.max(to, from - 1), bytes: read.length * RECORD_BYTES };
      },
      record: (seq) => Promise.resolve([...recordsOf(seq, seq)][0]),
      range: () => Promise.resolve({ firstSeq: 1, lastSeq: records }),
    },
    groupLane: {
      acquire: () => Promise.resolve({ lane: 0, lanes: 1, token, position: 0, leaseMs: 10_000 }),
      renew: () => Promise.resolve(),
      commit: () => Promise.resolve(),
      release: () => Promise.resolve(),
      holder: () => Promise.resolve(undefined),
    },
    deadLetters: {
      write: (letter) => {
        onLetter?.(letter);
        return Promise.resolve();
      },
    },
    clock: SYSTEM_CLOCK,
    randomBelow: (n) => Math.floor(Math.random() * n),
    start: () => Promise.resolve(0),
  });
  const abort = new AbortController();
  const ended = new AbortController();
  const run = runner.run(abort.signal).finally(() => ended.abort());
  const isDone = ({ position }: SinkStatus): boolean => position?.seq === records;
  while (!isDone(runner.status) && !ended.signal.aborted) await wait(5);
  const { status } = runner;
  abort.abort();
  await run;
  return status;
}
