import { setTimeout as sleep } from "node:timers/promises";
import type { AnnalsClient, EncodedRecords } from "@annals/client";
import type { AppendLedger } from "./appendLedger.ts";
import { recordText } from "./records.ts";

export interface ProducerOptions {
  readonly client: AnnalsClient;
  readonly ledger: AppendLedger;
  readonly log: string;
  /** Unique in the run; in letters, digits and dashes. */
  readonly stream: string;
  /** Undefined: until the signal. */
  readonly batches: number | undefined;
  readonly records: number;
  readonly bytes: number;
  readonly inFlight: number;
  /** Records a second. */
  readonly rate: number | undefined;
  /** Ends it: nothing new is sent, and what is on its way is answered. */
  readonly ending: AbortSignal;
  /** Gives everything up. */
  readonly signal: AbortSignal;
}

/** Appends a stream of numbered records to one log and resolves when each is acknowledged. Rejects when one is not. */
export async function produce(options: ProducerOptions): Promise<void> {
  const { client, ledger, log, stream, records, bytes, rate, ending, signal } = options;
  const producer = client.orderedProducer(log, {
    id: stream,
    epoch: 1,
    nextSequence: 1,
    window: options.inFlight,
    signal,
  });
  ledger.begin(stream, log, bytes);
  const begun = performance.now();
  let answered = Promise.resolve();
  let serial = 0;
  for (let batch = 0; batch < (options.batches ?? Number.POSITIVE_INFINITY); batch++) {
    const dueMs = rate === undefined ? 0 : begun + (serial * 1000) / rate - performance.now();
    if (dueMs > 0) await sleep(dueMs, undefined, { signal: ending }).catch(() => undefined);
    await producer.ready();
    if (ending.aborted) break;
    const reply = producer.append(body(stream, serial, records, bytes));
    serial += records;
    // The ledger is told in the order of the stream, in which the answers need not come.
    answered = answered.then(async () => {
      const { firstSeq, count } = await reply;
      ledger.acknowledge(stream, count, firstSeq);
    });
    answered.catch(() => undefined);
  }
  await answered;
  await producer.drain();
}

function body(stream: string, first: number, count: number, bytes: number): EncodedRecords {
  const lines: string[] = [];
  for (let serial = first; serial < first + count; serial++)
    lines.push(recordText(stream, serial, bytes));
  return {
    contentType: "application/x-ndjson",
    bytes: new TextEncoder().encode(`${lines.join("\n")}\n`),
  };
}
