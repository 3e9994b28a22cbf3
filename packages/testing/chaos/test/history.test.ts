/**
 * Goal: the harness finds what it is there to find. Method: small histories and logs, sound ones and each with one thing wrong; the rule that
 * is reported must be the one that was broken.
 */
import { asIndex, asTerm } from "@annals/raft";
import { asSeq, encodeBatch } from "@annals/record";
import type { AuditRecord, ProducerStamp } from "@annals/record";
import type { StoredEntry } from "@annals/replica";
import { encodeRecord } from "@annals/wire";
import { beforeEach, describe, expect, it } from "vitest";
import { History, recordOf } from "../src/history.ts";
import { ReadLedger } from "../src/readLedger.ts";

interface Part {
  readonly request: number;
  readonly count: number;
  readonly stamp?: ProducerStamp;
}

let broken: string[];
let history: History;
let nowMs = 0;

const report = (rule: string): void => {
  broken.push(rule);
};

beforeEach(() => {
  broken = [];
  history = new History(() => nowMs);
});

function record(request: number, position: number): AuditRecord {
  return recordOf({ request, position }, 3) as AuditRecord;
}

/** A log of one batch per list of requests. */
function log(...batches: readonly (readonly Part[])[]): StoredEntry[] {
  let seq = 1;
  return batches.map((parts, k) => {
    const count = parts.reduce((sum, part) => sum + part.count, 0);
    const header = {
      firstSeq: asSeq(seq),
      count,
      recordedAt: 1000 + k,
      requests: parts.map(({ count, stamp }) => ({
        count,
        producer: stamp === undefined ? undefined : { ...stamp, fingerprint: 0 },
      })),
    };
    const records = parts.flatMap(({ request, count }) =>
      Array.from({ length: count }, (_, position) => encodeRecord(record(request, position))),
    );
    seq += count;
    const data = encodeBatch(header, records);
    const entry = { index: asIndex(k + 1), term: asTerm(1), kind: "records", data } as const;
    return { entry, hash: new Uint8Array(32) };
  });
}

describe("the oracle on a history", () => {
  it("is content with what was acknowledged, refused and left open", () => {
    const stamp = { id: "p", epoch: 1, sequence: 1 };
    const first = history.submit(2, stamp);
    const refused = history.submit(1, undefined);
    const open = history.submit(3, undefined);
    history.refuse(refused);
    history.acknowledge(first, 1, 2);
    history.giveUp();
    const never = history.submit(1, undefined);
    history.giveUp();
    expect(never).toBe(4);
    history.judge(
      log([{ request: first, count: 2, stamp }], [{ request: open, count: 3 }]),
      report,
    );
    expect(broken).toEqual([]);
    expect([history.acknowledged, history.refused, history.unknown]).toEqual([1, 1, 2]);
    expect(history.acknowledgedSeq).toBe(2);
  });

  it("misses an acknowledged record that is gone", () => {
    const request = history.submit(2, undefined);
    history.acknowledge(request, 1, 2);
    history.judge([], report);
    expect(broken).toContain("acknowledged is present");
  });

  it("misses the end of a request", () => {
    const request = history.submit(2, undefined);
    history.acknowledge(request, 1, 2);
    history.judge(log([{ request, count: 1 }]), report);
    expect(broken).toContain("acknowledged is present");
  });

  it("finds a request that is there twice", () => {
    const request = history.submit(1, undefined);
    history.acknowledge(request, 1, 1);
    history.judge(log([{ request, count: 1 }], [{ request, count: 1 }]), report);
    expect(broken).toContain("no duplicate");
  });

  it("finds what was refused and is there all the same", () => {
    const request = history.submit(1, undefined);
    history.refuse(request);
    history.judge(log([{ request, count: 1 }]), report);
    expect(broken).toContain("refused is absent");
  });

  it("finds a record that nobody sent", () => {
    history.judge(log([{ request: 7, count: 1 }]), report);
    expect(broken).toContain("no phantom");
  });

  it("finds a request that was sent after another's answer and stands before it", () => {
    const early = history.submit(1, undefined);
    history.acknowledge(early, 2, 2);
    const late = history.submit(1, undefined);
    history.acknowledge(late, 1, 1);
    history.judge(log([{ request: late, count: 1 }], [{ request: early, count: 1 }]), report);
    expect(broken.length).toBeGreaterThan(0);
  });

  it("finds requests of a producer out of its order", () => {
    const stamp = (sequence: number): ProducerStamp => ({ id: "p", epoch: 1, sequence });
    const one = history.submit(1, stamp(1));
    const two = history.submit(1, stamp(2));
    history.acknowledge(two, 1, 1);
    history.acknowledge(one, 2, 2);
    const entries = log(
      [{ request: two, count: 1, stamp: stamp(2) }],
      [{ request: one, count: 1, stamp: stamp(1) }],
    );
    history.judge(entries, report);
    expect(broken).toContain("producer order");
  });
});

it("measures the longest time without an acknowledgement, the present one included", () => {
  nowMs = 50;
  history.startClock();
  const request = history.submit(1, undefined);
  nowMs = 150;
  history.acknowledge(request, 1, 1);
  nowMs = 190;
  expect(history.longestGapMs).toBe(100);
  nowMs = 290;
  expect(history.longestGapMs).toBe(140);
  history.stopClock();
  nowMs = 1000;
  expect(history.longestGapMs).toBe(140);
});

describe("the ledger of reads", () => {
  const page = (from: number, requests: readonly number[], more = false) => ({
    items: requests.map((request, k) => ({
      ...record(request, 0),
      seq: from + k,
      recordedAt: "2026-01-01T00:00:00Z",
    })),
    covered: { from, to: from + requests.length - 1 },
    next: null,
    more,
  });

  it("is content with pages that agree", () => {
    const ledger = new ReadLedger(report);
    ledger.page(1, page(1, [1, 2, 3]), 3);
    ledger.page(3, page(3, [3, 4]), 3);
    ledger.page(1, page(1, [1], true), 4);
    expect(broken).toEqual([]);
    expect(ledger.pages).toBe(3);
  });

  it("finds a seq that shows one record and then another", () => {
    const ledger = new ReadLedger(report);
    ledger.page(1, page(1, [1, 2]), 0);
    ledger.page(2, page(2, [5]), 0);
    expect(broken).toEqual(["reads are stable"]);
  });

  it("finds a linearizable read that ends before what was acknowledged", () => {
    const ledger = new ReadLedger(report);
    ledger.page(1, page(1, [1, 2]), 3);
    expect(broken).toEqual(["reads are current"]);
  });

  it("finds a gap", () => {
    const ledger = new ReadLedger(report);
    const whole = page(1, [1, 2, 3]);
    ledger.page(1, { ...whole, items: whole.items.toSpliced(1, 1) }, 0);
    expect(broken).toContain("reads are gap-free");
  });
});
