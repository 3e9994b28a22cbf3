// Goal: with few producers remembered, no request is stored twice, and what is refused is refused by name. Method: a table and a log of
// what was stored; requests are drawn, repeated and cut in two, restarts go through the rows that a store would have.
import { asIndex } from "@annals/raft";
import { AnnalsError, asSeq } from "@annals/record";
import type { RequestStamp } from "@annals/record";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { ProducerState } from "../src/ports.ts";
import { ProducerTable } from "../src/producers.ts";

const RECORDS = 4;

/** A stamp; the fingerprint is 0 unless a test is about it. */
type Draft = Omit<RequestStamp, "fingerprint"> & Partial<RequestStamp>;

/** One leader with its table, and how many records of each request are in its log. */
class Leader {
  readonly stored = new Map<string, number>();
  readonly #maxProducers: number;
  readonly #rows = new Map<string, ProducerState>();
  #table: ProducerTable;
  #index = 0;
  #seq = 1;

  constructor(maxProducers: number) {
    this.#maxProducers = maxProducers;
    this.#table = new ProducerTable(maxProducers, this.#rows);
  }

  get table(): ProducerTable {
    return this.#table;
  }

  /** Sends a request of four records; `cutAt` of them become an entry of their own, and `between` happens before the rest. */
  send(draft: Draft, cutAt = 0, between: () => void = () => {}): string {
    const stamp = { fingerprint: 0, ...draft };
    try {
      const verdict = this.#table.judge(stamp, RECORDS);
      if (verdict.kind === "repeat") return "repeat";
      if (verdict.kind === "new") this.#table.reserve(stamp);
      const left = RECORDS - (verdict.kind === "resume" ? verdict.answer.count : 0);
      const first = Math.min(cutAt, left - 1);
      if (first > 0) {
        this.#apply(stamp, first);
        between();
      }
      this.#apply(stamp, left - first);
      return "stored";
    } catch (error) {
      if (error instanceof AnnalsError) return error.code;
      throw error;
    }
  }

  #apply(producer: RequestStamp, count: number): void {
    const requests = [{ count, producer }];
    const header = { firstSeq: asSeq(this.#seq), count, recordedAt: 0, requests };
    this.#table.apply(asIndex(++this.#index), header);
    this.#seq += count;
    const key = JSON.stringify(producer);
    this.stored.set(key, (this.stored.get(key) ?? 0) + count);
    for (const [id, state] of this.#table.takeChanged())
      if (state === undefined) this.#rows.delete(id);
      else this.#rows.set(id, state);
  }

  /** The next leader has only what was applied. */
  restart(): void {
    this.#table = new ProducerTable(this.#maxProducers, this.#rows);
  }
}

const STEP = fc.record({
  id: fc.constantFrom("a", "b", "c"),
  epoch: fc.integer({ min: 1, max: 4 }),
  sequence: fc.integer({ min: 1, max: 3 }),
  cutAt: fc.integer({ min: 0, max: 3 }),
  /** Later requests of the same producer, on their way before this one is whole. */
  pipelined: fc.integer({ min: 0, max: 2 }),
  rivals: fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 2 }),
  restarts: fc.boolean(),
});

// Keeps L35.
it("stores no request twice, whatever is repeated and however few are remembered", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(STEP, { maxLength: 40 }), (max, steps) => {
      const leader = new Leader(max);
      for (const { id, epoch, sequence, cutAt, pipelined, rivals, restarts } of steps) {
        leader.send({ id, epoch, sequence }, cutAt, () => {
          for (let later = sequence + 1; later <= sequence + pipelined; later++)
            leader.send({ id, epoch, sequence: later });
          for (const rival of rivals.filter((one) => one !== id))
            leader.send({ id: rival, epoch: leader.table.nextEpoch(rival), sequence: 1 });
        });
        if (restarts) leader.restart();
        expect(leader.table.size).toBeLessThanOrEqual(max);
      }
      for (const [stamp, count] of leader.stored) expect([stamp, count]).toEqual([stamp, RECORDS]);
    }),
    { numRuns: 2000 },
  );
});

// Keeps L35.
it("does not answer a request of which it may have forgotten a part", () => {
  const leader = new Leader(1);
  const cut = { id: "a", epoch: 1, sequence: 1 };
  const rival = { id: "b", epoch: 1, sequence: 1 };
  expect(leader.send(cut, 2, () => void leader.send(rival))).toBe("stored");
  expect(leader.send(cut)).toBe("ERR_PRODUCER_FORGOTTEN");
  expect(leader.send({ ...cut, epoch: 2 })).toBe("stored");
  expect(leader.send({ ...cut, epoch: 2 })).toBe("repeat");
});

// Seed 1795355377009: the rest of request 1, stored after its producer was forgotten, brought the producer back without request 2.
// Keeps L35.
it("a producer that was forgotten does not come back by the rest of a request", () => {
  const leader = new Leader(1);
  const of = (sequence: number): Draft => ({ id: "a", epoch: 1, sequence });
  const forgotten = (): void => {
    leader.send(of(2));
    leader.send({ id: "b", epoch: 1, sequence: 1 });
  };
  expect(leader.send(of(1), 2, forgotten)).toBe("stored");
  expect(leader.send(of(2))).toBe("ERR_PRODUCER_FORGOTTEN");
});

it("a request that is finished after the window has passed it does not become the latest", () => {
  const leader = new Leader(1);
  const of = (sequence: number): Draft => ({ id: "a", epoch: 1, sequence });
  const seventeen = (): void => {
    for (let sequence = 2; sequence <= 18; sequence++) leader.send(of(sequence));
  };
  leader.send(of(1), 2, seventeen);
  expect(leader.send(of(1))).toBe("ERR_PRODUCER_EXPIRED");
  expect(leader.send(of(2))).toBe("ERR_PRODUCER_EXPIRED");
  expect(leader.send(of(18))).toBe("repeat");
});

it("forgets the same after a restart, also among those of one entry", () => {
  const [running, restarted] = [0, 1].map(() => new ProducerTable(2, new Map()));
  const begin = (ids: string[]) => ({
    firstSeq: asSeq(1),
    count: ids.length,
    recordedAt: 0,
    requests: ids.map((id) => ({
      count: 1,
      producer: { id, epoch: 1, sequence: 1, fingerprint: 0 },
    })),
  });
  running?.apply(asIndex(1), begin(["z", "m"]));
  restarted?.apply(asIndex(1), begin(["z", "m"]));
  const again = new ProducerTable(2, restarted?.takeChanged() as Map<string, ProducerState>);
  for (const table of [running, again]) {
    table?.apply(asIndex(2), begin(["x"]));
    expect(table?.get("m")).toBeUndefined();
    expect(table?.get("z")).toBeDefined();
  }
});

// Keeps L37.
it("other records under a number that was used are refused, whole or cut, and nothing of them is stored", () => {
  const leader = new Leader(2);
  const of = (sequence: number, fingerprint: number): Draft => {
    return { id: "a", epoch: 1, sequence, fingerprint };
  };
  expect(leader.send(of(1, 11))).toBe("stored");
  expect(leader.send(of(1, 12))).toBe("ERR_PRODUCER_CONFLICT");
  const rival = (): void => {
    expect(leader.send(of(2, 22))).toBe("ERR_PRODUCER_CONFLICT");
  };
  expect(leader.send(of(2, 21), 2, rival)).toBe("stored");
  leader.restart();
  expect(leader.send(of(2, 22))).toBe("ERR_PRODUCER_CONFLICT");
  expect(leader.send(of(2, 21))).toBe("repeat");
  expect([...leader.stored.values()]).toEqual([RECORDS, RECORDS]);
});

// Keeps L12.
it("takes the next requests in order while some are under way and others are applied", () => {
  const table = new ProducerTable(2, new Map());
  const stamp = (sequence: number) => ({ id: "a", epoch: 1, sequence, fingerprint: 0 });
  const take = (sequence: number): void => {
    expect(table.judge(stamp(sequence), 1)).toEqual({ kind: "new" });
    table.reserve(stamp(sequence));
  };
  for (const sequence of [1, 2, 3]) take(sequence);
  const requests = [{ count: 1, producer: stamp(1) }];
  table.apply(asIndex(1), { firstSeq: asSeq(1), count: 1, recordedAt: 0, requests });
  expect(() => table.judge(stamp(5), 1)).toThrow("is 4, got 5");
  take(4);
});
