// Goal: whatever credits and acknowledgements a client gives, whatever the sizes and the pace of records, it gets exactly the records that
// match, in order, once, and never more than it asked for. Method: random steps against a subscription over a log in memory.
import { MemoryService } from "@annals/fake-server";
import { Gauge } from "@annals/flow";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { PageBudget } from "../../src/stream/pageBudget.ts";
import { Subscription } from "../../src/stream/subscription.ts";
import { recordsOf } from "./testStream.ts";

type Step =
  | { readonly kind: "append"; readonly sizes: readonly number[] }
  | { readonly kind: "credit"; readonly records: number; readonly bytes: number }
  | { readonly kind: "ack"; readonly back: number }
  | { readonly kind: "take"; readonly pages: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("append" as const),
    sizes: fc.array(fc.nat(300), { minLength: 1, maxLength: 8 }),
  }),
  fc.record({
    kind: fc.constant("credit" as const),
    records: fc.nat(10),
    bytes: fc.nat(1000),
  }),
  fc.record({ kind: fc.constant("ack" as const), back: fc.nat(5) }),
  fc.record({ kind: fc.constant("take" as const), pages: fc.integer({ min: 1, max: 3 }) }),
);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A client with a socket that takes pages when it is told to. */
class Client {
  readonly service = new MemoryService();
  readonly seqs: number[] = [];
  readonly subscription: Subscription;
  readonly buffered: Gauge;
  /** What ended the subscription, or a check of this client. */
  failure: unknown;
  /** Records and bytes that it may still get; the last page may overdraw the bytes by a record. */
  records = 0;
  acked = 0;
  readonly maxUnacked: number;
  #untaken: (() => void)[] = [];
  #last = 0;

  constructor(maxBuffered: number, maxUnacked: number, action: string | undefined) {
    this.maxUnacked = maxUnacked;
    this.buffered = new Gauge(maxBuffered);
    const filter = {
      actor: undefined,
      action,
      target: undefined,
      tenant: undefined,
      lane: undefined,
    };
    const start = { kind: "seq", seq: 1 } as const;
    this.subscription = new Subscription({
      head: { kind: "subscribe", id: 1, log: "audit", start, filter, records: 0, bytes: 0 },
      format: "ndjson",
      maxUnacked,
      buffered: this.buffered,
      pages: new PageBudget(1),
      pageBytes: (length) => length,
      read: (query) => this.service.read("audit", query),
      send: (fields, body, whenTaken) => this.#receive(fields, body, whenTaken),
      onPaused: () => {},
      now: () => performance.now(),
    });
    void this.subscription.run().catch((error: unknown) => {
      this.failure = error;
    });
  }

  #receive(
    fields: ReadonlyMap<string, unknown>,
    body: Uint8Array | undefined,
    whenTaken: (() => void) | undefined,
  ): void {
    // A page begins where the one before ended: nothing is left out.
    const [from, to] = [Number(fields.get("from")), Number(fields.get("to"))];
    if (fields.get("kind") === "records") {
      this.#check(from === this.#last + 1, `a page from ${from} after ${this.#last}`);
      this.#last = to;
    } else {
      const seq = Number(fields.get("seq"));
      this.#check(seq >= this.#last, `caught up to ${seq} after ${this.#last}`);
      this.#last = seq;
    }
    if (body === undefined) return;
    const seqs = recordsOf(Buffer.from(body)).map(({ seq }) => seq);
    this.#check(fields.get("count") === seqs.length, "a count that is wrong");
    this.records -= seqs.length;
    this.#check(this.records >= 0, "more records than were asked for");
    this.seqs.push(...seqs);
    const unacked = this.seqs.filter((seq) => seq > this.acked).length;
    this.#check(unacked <= this.maxUnacked, `${unacked} records are not acknowledged`);
    if (whenTaken !== undefined) this.#untaken.push(whenTaken);
  }

  #check(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(otherwise);
  }

  async apply(one: Step): Promise<void> {
    switch (one.kind) {
      case "append": {
        const records = one.sizes.map((size) => ({
          actor: { id: "a" },
          action: size % 3 === 0 ? "rare" : "common",
          data: { pad: "p".repeat(size) },
        }));
        const body = Buffer.from(JSON.stringify(records));
        const contentType = "application/json";
        const producer = undefined;
        await this.service.append("audit", { contentType, body, producer, timeoutMs: 1 });
        break;
      }
      case "credit":
        this.records += one.records;
        this.subscription.grant(one.records, one.bytes);
        break;
      case "ack":
        this.ack(this.seqs.at(-1 - one.back) ?? 0);
        break;
      case "take":
        this.take(one.pages);
        break;
      default:
        one satisfies never;
    }
  }

  ack(seq: number): void {
    if (seq <= this.acked) return;
    this.acked = seq;
    this.subscription.ack(seq);
  }

  take(pages: number): void {
    for (const taken of this.#untaken.splice(0, pages)) taken();
  }
}

test("any sequence of credits delivers exactly the records, in order", async () => {
  const action = fc.option(fc.constantFrom("rare", "common", "absent"), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 8 }),
      action,
      async (steps, maxBuffered, maxUnacked, wanted) => {
        const client = new Client(maxBuffered, maxUnacked, wanted);
        for (const one of steps) {
          await client.apply(one);
          await turn();
        }
        // Now it asks for everything and takes everything: what is missing must come.
        const every = await client.service.read("audit", {
          from: 1,
          to: undefined,
          since: undefined,
          until: undefined,
          actor: undefined,
          action: wanted,
          target: undefined,
          tenant: undefined,
          lane: undefined,
          limit: 10_000,
          cursor: undefined,
          order: "asc",
          consistency: "local",
          waitMs: 0,
          format: "ndjson",
        });
        const expected = recordsOf(Buffer.from(every.body)).map(({ seq }) => seq);
        client.records += 10_000;
        client.subscription.grant(10_000, 1_000_000);
        for (let turns = 0; client.seqs.length < expected.length && turns < 5000; turns++) {
          client.take(10);
          client.ack(client.seqs.at(-1) ?? 0);
          await turn();
        }
        expect(client.failure).toBeUndefined();
        expect(client.seqs).toEqual(expected);
        client.take(1000);
        expect(client.buffered.current).toBe(0);
        client.subscription.close();
      },
    ),
    { numRuns: 100 },
  );
});
