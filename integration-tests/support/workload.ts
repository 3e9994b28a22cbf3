import type { AnnalsClient, OrderedProducer, StoredRecord } from "@annals/client";

/** What an acknowledged request said: serials [firstSerial, firstSerial + count) are at these seqs. */
export interface Acknowledged {
  readonly firstSerial: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly count: number;
}

/** A producer of records with rising serials, each request numbered, so that every record is in the log exactly once whatever happens. */
export class SerialWorkload {
  readonly acknowledged: Acknowledged[] = [];
  readonly #producer: OrderedProducer;
  readonly #perRequest: number;
  #nextSerial = 0;

  constructor(client: AnnalsClient, log: string, perRequest: number) {
    this.#producer = client.orderedProducer(log, {
      id: "workload",
      epoch: 1,
      nextSequence: 1,
      window: 8,
    });
    this.#perRequest = perRequest;
  }

  /** Appends `requests` requests; resolves when all are acknowledged. */
  async run(requests: number, onRequest: (sent: number) => void = () => {}): Promise<void> {
    const answers: Promise<void>[] = [];
    let failure: unknown;
    for (let sent = 0; sent < requests; sent++) {
      await this.#producer.ready();
      const firstSerial = this.#nextSerial;
      this.#nextSerial += this.#perRequest;
      const bytes = ndjson(firstSerial, this.#perRequest);
      answers.push(
        this.#producer.append({ contentType: "application/x-ndjson", bytes }).then(
          (reply) => {
            this.acknowledged.push({ firstSerial, ...reply });
          },
          (error: unknown) => {
            failure ??= error;
          },
        ),
      );
      onRequest(sent);
    }
    await Promise.all(answers);
    if (failure !== undefined) throw failure;
  }
}

function ndjson(firstSerial: number, count: number): Uint8Array<ArrayBuffer> {
  const lines: string[] = [];
  for (let serial = firstSerial; serial < firstSerial + count; serial++) {
    lines.push(
      JSON.stringify({ actor: { id: "workload" }, action: "test.record", data: { serial } }),
    );
  }
  return new TextEncoder().encode(`${lines.join("\n")}\n`);
}

function serialOf(record: StoredRecord): number {
  const { serial } = (record.data ?? {}) as { serial?: number };
  return serial ?? -1;
}

/** What is wrong with a node's log, in words; empty when every acknowledged record is there once, in order, where it was said to be. */
export function problems(
  records: readonly StoredRecord[],
  acknowledged: readonly Acknowledged[],
): string[] {
  const found: string[] = [];
  const own = records.filter((record) => serialOf(record) >= 0);
  for (const [k, record] of records.entries()) {
    if (record.seq !== k + 1)
      return [`seq ${record.seq} at position ${k + 1}: the log is not dense`];
  }
  for (const [k, record] of own.entries()) {
    if (serialOf(record) !== k)
      return [`serial ${serialOf(record)} at place ${k}: lost, doubled or out of order`];
  }
  for (const { firstSerial, firstSeq, count } of acknowledged) {
    for (let k = 0; k < count; k++) {
      const record = records[firstSeq + k - 1];
      if (record === undefined || serialOf(record) !== firstSerial + k) {
        found.push(
          `serial ${firstSerial + k} was acknowledged at seq ${firstSeq + k} and is not there`,
        );
      }
    }
  }
  return found.slice(0, 5);
}
