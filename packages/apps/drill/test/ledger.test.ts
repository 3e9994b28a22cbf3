/**
 * Goal: a copy of a log is found right exactly when it holds what was acknowledged, once, in order, where the answers said, byte for byte.
 * Method: random streams that interleave; then every kind of mistake is planted into the copy.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppendLedger } from "../src/run/appendLedger.ts";
import { recordText } from "../src/run/records.ts";

const LOG = "audit";
const BYTES = 120;

/** As a node shows a record: position and time first. */
function shown(seq: number, stream: string, serial: number): string {
  const record = recordText(stream, serial, BYTES);
  return `{"seq":${seq},"recordedAt":"2026-01-01T00:00:00.000Z",${record.slice(1)}`;
}

interface Copy {
  readonly ledger: AppendLedger;
  readonly lines: string[];
}

/** Batches of some streams, in the order of the log. */
function copyOf(batches: readonly (readonly [stream: number, count: number])[]): Copy {
  const ledger = new AppendLedger();
  const lines: string[] = [];
  const serials = new Map<string, number>();
  for (const [k, count] of batches) {
    const stream = `s${k}`;
    const first = serials.get(stream);
    if (first === undefined) ledger.begin(stream, LOG, BYTES);
    ledger.acknowledge(stream, count, lines.length + 1);
    for (let n = 0; n < count; n++) lines.push(shown(lines.length + 1, stream, (first ?? 0) + n));
    serials.set(stream, (first ?? 0) + count);
  }
  return { ledger, lines };
}

function problemOf(ledger: AppendLedger, lines: readonly string[]): string | undefined {
  const reader = ledger.reader(LOG);
  for (const line of lines) {
    const problem = reader.line(line);
    if (problem !== undefined) return problem;
  }
  return reader.missing();
}

const batches = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 5 })), {
  minLength: 1,
  maxLength: 30,
});

describe("a copy", () => {
  it("that is right is found right", () => {
    fc.assert(
      fc.property(batches, (plan) => {
        const { ledger, lines } = copyOf(plan);
        expect(problemOf(ledger, lines)).toBeUndefined();
        expect(ledger.records).toBe(lines.length);
        expect(ledger.recordsOf(LOG)).toBe(lines.length);
      }),
    );
  });

  it("with any line lost, doubled, swapped or changed is found out", () => {
    fc.assert(
      fc.property(batches, fc.nat(), fc.nat(4), (plan, place, kind) => {
        const { ledger, lines } = copyOf(plan);
        const at = place % lines.length;
        const line = lines[at] ?? "";
        const next = lines[at + 1];
        const kinds: readonly (readonly string[])[] = [
          lines.toSpliced(at, 1),
          lines.toSpliced(at, 0, line),
          next === undefined ? [] : lines.toSpliced(at, 2, next, line),
          lines.with(at, line.replace(/"p":"./, '"p":"!')),
          [...lines, shown(lines.length + 1, "stranger", 0)],
        ];
        expect(problemOf(ledger, kinds[kind] ?? [])).toBeDefined();
      }),
    );
  });

  it("with a lost record and dense positions is found out", () => {
    const { ledger } = copyOf([[0, 3]]);
    const lines = [shown(1, "s0", 0), shown(2, "s0", 2)];
    expect(problemOf(ledger, lines)).toMatch(/holds s0 2 where 1 belongs/);
  });

  it("that holds a record elsewhere than the answer said is found out", () => {
    const ledger = new AppendLedger();
    ledger.begin("s0", LOG, BYTES);
    ledger.begin("s1", LOG, BYTES);
    ledger.acknowledge("s0", 1, 1);
    ledger.acknowledge("s1", 1, 2);
    const lines = [shown(1, "s1", 0), shown(2, "s0", 0)];
    expect(problemOf(ledger, lines)).toMatch(/acknowledged at 2/);
  });
});

it("a record has exactly the bytes that were asked for", () => {
  fc.assert(
    fc.property(fc.integer({ min: 110, max: 5000 }), fc.nat(10_000_000), (bytes, serial) => {
      expect(recordText("load-1-audit", serial, bytes)).toHaveLength(bytes);
    }),
  );
});
