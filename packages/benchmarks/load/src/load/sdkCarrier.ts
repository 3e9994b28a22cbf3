import { AnnalsClient, ClientError } from "@annals/client";
import type { AuditRecord, LogWriter } from "@annals/client";
import type { Carrier, OnSettled } from "./carrier.ts";
import { notAccepted } from "./outcome.ts";

/** Requests that a writer of the SDK has on its way, at most. */
export const SDK_SLOTS_MAX = 16;
const PENDING_BYTES_MAX = 64 * 2 ** 20;

export interface SdkCarrierOptions {
  readonly addresses: readonly string[];
  readonly log: string;
  readonly slots: number;
  readonly recordsPerRequest: number;
  readonly record: (serial: number) => string;
}

/** A writer of the SDK, as a program has one: it encodes every record while it is measured. */
export class SdkCarrier implements Carrier {
  readonly slots: number;
  readonly #client: AnnalsClient;
  readonly #writer: LogWriter;
  readonly #records: readonly AuditRecord[];
  #onSettled: OnSettled = () => undefined;

  constructor({ addresses, log, slots, recordsPerRequest, record }: SdkCarrierOptions) {
    this.slots = slots;
    this.#client = new AnnalsClient({ urls: addresses.map((address) => `http://${address}`) });
    this.#writer = this.#client.writer(log, {
      window: slots,
      maxBatchRecords: recordsPerRequest,
      maxBatchBytes: PENDING_BYTES_MAX,
      maxPendingBytes: PENDING_BYTES_MAX,
    });
    this.#records = Array.from({ length: recordsPerRequest }, (_, k) => JSON.parse(record(k)));
  }

  open(onSettled: OnSettled): Promise<void> {
    this.#onSettled = onSettled;
    return Promise.resolve();
  }

  send(slot: number): void {
    void this.#append(slot);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    this.#client.close();
  }

  async #append(slot: number): Promise<void> {
    try {
      const replies = await Promise.all(this.#records.map((record) => this.#writer.append(record)));
      const firstSeq = replies[0]?.seq ?? 0;
      this.#onSettled(slot, { kind: "accepted", firstSeq, count: replies.length });
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#onSettled(slot, notAccepted(error.code));
    }
  }
}
