import { CONNECTION_LOST } from "@annals/load";
import type { Carrier, OnSettled, Outcome } from "@annals/load";
import { NatsConnection } from "./natsConnection.ts";

const SUBJECT = "audit.r";

interface Underway {
  left: number;
  failed: boolean;
}

/** Publishes on one connection; the acknowledgements of all come to one inbox. There are no batches: a request is so many messages. */
export class NatsCarrier implements Carrier {
  readonly slots: number;
  readonly #address: string;
  readonly #records: number;
  readonly #requests: readonly Buffer[];
  readonly #inbox = `_INBOX.${crypto.randomUUID().replaceAll("-", "")}`;
  readonly #underway = new Map<number, Underway>();
  #connection: NatsConnection | undefined;
  #onSettled: OnSettled = () => undefined;

  constructor(address: string, slots: number, records: number, record: Uint8Array) {
    this.slots = slots;
    this.#address = address;
    this.#records = records;
    this.#requests = Array.from({ length: slots }, (_, slot) => {
      const head = Buffer.from(`PUB ${SUBJECT} ${this.#inbox}.${slot} ${record.length}\r\n`);
      const one = Buffer.concat([head, record, Buffer.from("\r\n")]);
      return Buffer.concat(Array.from({ length: records }, () => one));
    });
  }

  async open(onSettled: OnSettled): Promise<void> {
    this.#onSettled = onSettled;
    this.#connection = new NatsConnection(
      this.#address,
      (subject, payload) => this.#acknowledged(subject, payload),
      () => {
        for (const slot of this.#underway.keys()) this.#settle(slot, CONNECTION_LOST);
      },
    );
    this.#connection.write(Buffer.from(`SUB ${this.#inbox}.* 1\r\n`));
    await this.#connection.opened();
  }

  send(slot: number): void {
    const request = this.#requests[slot];
    if (request === undefined) throw new RangeError(`no slot ${slot}`);
    this.#underway.set(slot, { left: this.#records, failed: false });
    this.#connection?.write(request);
  }

  close(): Promise<void> {
    this.#connection?.close();
    return Promise.resolve();
  }

  #acknowledged(subject: string, payload: Buffer): void {
    const slot = Number(subject.slice(this.#inbox.length + 1));
    const underway = this.#underway.get(slot);
    if (underway === undefined) return;
    if (payload.includes('"error"')) underway.failed = true;
    if (--underway.left > 0) return;
    this.#settle(
      slot,
      underway.failed
        ? { kind: "unknown", code: "an error of JetStream" }
        : { kind: "accepted", firstSeq: 0, count: this.#records },
    );
  }

  #settle(slot: number, outcome: Outcome): void {
    if (this.#underway.delete(slot)) this.#onSettled(slot, outcome);
  }
}
