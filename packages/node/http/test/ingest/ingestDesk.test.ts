// Goal: room is given within the budgets and given back once, counters never fall, and waits follow the pace. Method: a clock of the test.
import { Ledger } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { IngestDesk } from "../../src/ingest/ingestDesk.ts";

let nowMs: number;
let desk: IngestDesk;
beforeEach(() => {
  nowMs = 0;
  desk = new IngestDesk({
    maxLogBytes: 10_000,
    maxNodeBytes: 20_000,
    maxRequests: 100,
    ledger: new Ledger(),
    now: () => nowMs,
  });
});

const NEW = { records: 2, bytes: 100, producer: "p", duplicate: false };
const AGAIN = { ...NEW, duplicate: true };

/** So many requests, one after the other, with the next one here before the last one is answered. */
function drain(log: string, requests: number, bytes: number, everyMs: number): void {
  let waiting = desk.admit(log, bytes);
  for (let k = 0; k < requests; k++) {
    const next = desk.admit(log, bytes);
    nowMs += everyMs;
    waiting.accepted({ ...NEW, bytes });
    waiting.close();
    waiting = next;
  }
  waiting.close();
}

test("Retry-After is what waits over the pace at which it is worked off, between 1 s and 60 s", () => {
  expect(desk.retryAfterMs("audit")).toBe(1_000);
  drain("audit", 1_000, 10, 10);
  // 1000 bytes a second.
  desk.admit("audit", 9_000);
  expect(desk.retryAfterMs("audit")).toBeGreaterThan(8_000);
  expect(desk.retryAfterMs("audit")).toBeLessThan(10_000);
  nowMs += 3_600_000;
  expect(desk.retryAfterMs("audit")).toBe(60_000);
});

test("a slow log does not make the others wait longer than the node does", () => {
  drain("slow", 100, 10, 100);
  drain("fast", 1_000, 1_000, 1);
  expect(desk.retryAfterMs("fast")).toBe(1_000);
});

test("counts what became of requests, by log and for the node", () => {
  for (const outcome of [NEW, AGAIN, AGAIN]) {
    const ticket = desk.admit("audit", 50);
    ticket.accepted(outcome);
    ticket.close();
  }
  const other = desk.admit("orders", 70);
  nowMs = 5;
  desk.refused("orders", "ERR_BODY_EMPTY");
  desk.decoded("gzip", 10, 100);
  desk.decoded("gzip", 10, 100);
  const { node, logs } = desk.read();
  expect(node).toMatchObject({
    buffered: { bytes: { current: 70, peak: 70, cap: 20_000 }, requests: { current: 1, peak: 1 } },
    accepted: { requests: 1, records: 2, bytes: 100 },
    refused: { ERR_BODY_EMPTY: 1 },
    repeats: { total: 2, streak: 2 },
    oldestWaitingMs: 5,
    decoded: { gzip: { bytesIn: 20, bytesOut: 200 } },
  });
  expect(logs.map(({ name, refused }) => [name, refused])).toEqual([
    ["audit", {}],
    ["orders", { ERR_BODY_EMPTY: 1 }],
  ]);
  expect(logs[0]?.producers).toEqual([{ id: "p", total: 2, streak: 2 }]);
  other.close();
  const success = desk.admit("audit", 50);
  success.accepted(NEW);
  success.close();
  const after = desk.read();
  expect(after.node.repeats).toEqual({ total: 2, streak: 0 });
  expect(after.logs[0]?.producers).toEqual([{ id: "p", total: 2, streak: 0 }]);
  expect(after.logs.map(({ name }) => name)).toEqual(["audit"]);
});

test("names that no log has, and producers without end, are not remembered", () => {
  for (let k = 0; k < 1_000; k++) {
    const ticket = desk.admit(`nothing-${k}`, 1);
    desk.refused(`nothing-${k}`, "ERR_LOG_NOT_FOUND");
    ticket.close();
    const repeat = desk.admit("audit", 1);
    repeat.accepted({ ...AGAIN, producer: `p${k}` });
    repeat.close();
  }
  const { node, logs } = desk.read();
  expect(logs.map(({ name }) => name)).toEqual(["audit"]);
  expect(logs[0]?.producers).toHaveLength(32);
  expect(logs[0]?.producers[0]).toEqual({ id: "p999", total: 1, streak: 1 });
  expect(node.refused).toEqual({ ERR_LOG_NOT_FOUND: 1_000 });
});

test("a request that was passed on and carried out keeps its log's counts", () => {
  const ticket = desk.admit("audit", 10);
  ticket.passedOn(200);
  ticket.close();
  expect(desk.read().logs).toMatchObject([{ name: "audit", passedOn: 1 }]);
});

test("a log that has taken a request is remembered, whatever becomes of later ones", () => {
  for (const status of [200, 503]) {
    const ticket = desk.admit("audit", 10);
    ticket.passedOn(status);
    ticket.close();
  }
  expect(desk.read().logs).toMatchObject([{ name: "audit", passedOn: 2 }]);
});

test.each([400, 404, 409, 429, 503, 504])(
  "one that the leader answered with %i was not carried out",
  (status) => {
    const ticket = desk.admit("audit", 10);
    ticket.passedOn(status);
    nowMs += 1;
    ticket.close();
    const { node, logs } = desk.read();
    expect(logs).toEqual([]);
    expect(node).toMatchObject({ passedOn: 1, drainBytesPerSecond: 0 });
  },
);

test("whatever comes and goes, nothing is held beyond a cap, or left at the end", () => {
  const step = fc.record({
    log: fc.constantFrom("a", "b", "c"),
    bytes: fc.integer({ min: 0, max: 12_000 }),
    growBy: fc.integer({ min: -10, max: 12_000 }),
    shrinksTo: fc.integer({ min: 0, max: 24_000 }),
    closes: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const open: (() => void)[] = [];
      for (const { log, bytes, growBy, shrinksTo, closes } of steps) {
        nowMs++;
        try {
          const ticket = desk.admit(log, bytes);
          open.push(() => ticket.close());
          ticket.growTo(bytes + growBy);
          const before = desk.read().node.buffered.bytes.current;
          ticket.shrinkTo(shrinksTo);
          const held = Math.max(bytes, bytes + growBy);
          expect(desk.read().node.buffered.bytes.current).toBe(
            before - Math.max(0, held - shrinksTo),
          );
        } catch (error) {
          if (!(error instanceof AnnalsError) || !error.retryable) throw error;
        }
        for (const close of open.slice(0, closes)) close();
        const { node, logs } = desk.read();
        for (const { buffered } of [node, ...logs])
          expect(buffered.bytes.current).toBeLessThanOrEqual(Math.max(buffered.bytes.cap, 24_000));
        expect(logs.reduce((sum, one) => sum + one.buffered.bytes.current, 0)).toBe(
          node.buffered.bytes.current,
        );
      }
      for (const close of open) close();
      expect(desk.read().node.buffered).toMatchObject({
        bytes: { current: 0 },
        requests: { current: 0 },
      });
    }),
  );
});

test("an upload that stands still gives its room to whoever finds none, at once and once", () => {
  const cut: number[] = [];
  const received = desk.reserveUpload(20_000, { bytesRead: () => 7 }, (idleMs) => cut.push(idleMs));
  nowMs = 999;
  expect(() => desk.admit("audit", 500)).toThrow(
    expect.objectContaining({ code: "ERR_NODE_OVERLOADED" }),
  );
  nowMs = 1_500;
  const ticket = desk.admit("audit", 500);
  expect(cut).toEqual([1_500]);
  expect(desk.read().node.buffered.bytes.current).toBe(500);
  received();
  expect(desk.read().node.buffered.bytes.current).toBe(500);
  ticket.close();
});
