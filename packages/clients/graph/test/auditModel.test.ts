/**
 * Goal: the plan of a record is the whole of what it changes and no more, in an order that can be written. Method: plans are looked at as
 * they are, without a database.
 */
import type { StoredRecord } from "@annals/client";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GraphSink } from "../src/graphSink.ts";
import { recordOf } from "./driving.ts";
import { records } from "./records.ts";

function sinkWith(degreeBudget?: number): GraphSink {
  const connect = (): never => {
    throw new Error("not needed");
  };
  return new GraphSink({
    id: "s",
    log: "audit",
    ...(degreeBudget === undefined ? {} : { degreeBudget }),
    connect,
  });
}

const sink = sinkWith();

function lines(record: StoredRecord): readonly string[] {
  return sink.plan(record).map((mutation) => {
    switch (mutation.kind) {
      case "node":
        return `${mutation.label} ${mutation.key}`;
      case "patch":
        return `${mutation.path}: ${String(mutation.before)} > ${String(mutation.after)}`;
      case "edge":
        return `${mutation.from} ${mutation.type} ${mutation.to}`;
      default:
        return mutation satisfies never;
    }
  });
}

describe("the plan of a record", () => {
  test("names nodes, changes and edges from leaf to hub", () => {
    const record = recordOf(7, {
      targets: [{ type: "doc", id: "d|1" }],
      changes: [{ path: "title", before: "a", after: "b" }],
    });
    expect(lines(record)).toMatchInlineSnapshot(`
      [
        "ActorDay audit|actorDay||actor|user|ann|2026-01-01",
        "ActorPart audit|actorPart||actor|user|ann|2026-01-01|0",
        "Event audit|event|7",
        "ResourceDay audit|resourceDay||resource|doc|d%7C1|2026-01-01",
        "ResourcePart audit|resourcePart||resource|doc|d%7C1|2026-01-01|0",
        "Actor |actor|user|ann",
        "Resource |resource|doc|d%7C1",
        "title: a > b",
        "audit|event|7 BY audit|actorPart||actor|user|ann|2026-01-01|0",
        "audit|property||resource|doc|d%7C1|title|change|7 MADE_BY audit|event|7",
        "audit|actorDay||actor|user|ann|2026-01-01 OF |actor|user|ann",
        "audit|resourceDay||resource|doc|d%7C1|2026-01-01 OF |resource|doc|d%7C1",
        "audit|event|7 ON audit|resourcePart||resource|doc|d%7C1|2026-01-01|0",
        "audit|actorPart||actor|user|ann|2026-01-01|0 PART_OF audit|actorDay||actor|user|ann|2026-01-01",
        "audit|resourcePart||resource|doc|d%7C1|2026-01-01|0 PART_OF audit|resourceDay||resource|doc|d%7C1|2026-01-01",
      ]
    `);
  });

  test("has no change of what is the same before and after", () => {
    const changes = [
      { path: "same", before: { b: 1, a: [2] }, after: { a: [2], b: 1 } },
      { path: "none", before: null },
      { path: "back", before: 1, after: 2 },
      { path: "back", before: 2, after: 1 },
    ];
    expect(lines(recordOf(1, { changes }))).toEqual(lines(recordOf(1)));
  });

  test("takes one edge for a target that is named twice", () => {
    const doc = { type: "doc", id: "1" };
    expect(lines(recordOf(1, { targets: [doc, doc] }))).toEqual(
      lines(recordOf(1, { targets: [doc] })),
    );
  });

  test("keeps keys of different parts apart, also long ones", () => {
    const key = (id: string, type: string): string =>
      lines(recordOf(1, { targets: [{ id, type }] })).find((l) => l.startsWith("Resource ")) ?? "";
    expect(key("b|c", "a")).not.toBe(key("c", "a|b"));
    expect(key("x".repeat(9_000), "a")).not.toBe(key(`${"x".repeat(8_999)}y`, "a"));
    expect(key("x".repeat(9_000), "a").length).toBeLessThan(200);
  });

  test("takes a leap second, and refuses a record with more edges than a node may have", () => {
    expect(() => sink.plan(recordOf(1, { time: "2016-12-31T23:59:60Z" }))).not.toThrow();
    const targets = Array.from({ length: 16 }, (_, id) => ({ id: String(id) }));
    const plan = (): unknown => sinkWith(16).plan(recordOf(1, { targets }));
    expect(plan).toThrow(expect.objectContaining({ code: "ERR_GRAPH_RECORD_TOO_WIDE" }));
  });

  test("is the same at every call, sorted, and names every end before its edges", () => {
    fc.assert(
      fc.property(records(), (log) => {
        for (const record of log) {
          const plan = sink.plan(record);
          expect(sink.plan(structuredClone(record))).toEqual(plan);
          const known = new Set<string>();
          const kinds = plan.map(({ kind }) => kind[0]).join("");
          expect(kinds).toMatch(/^n*p*e*$/);
          for (const mutation of plan) {
            const needed = mutation.kind === "edge" ? [mutation.from, mutation.to] : [];
            expect(needed.filter((key) => !known.has(key))).toEqual([]);
            known.add(mutation.key);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  test("gives no node more edges than the budget, whatever the records", () => {
    const budget = 16;
    const small = sinkWith(budget);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (start) => {
        const degrees = new Map<string, number>();
        const edges = new Set<string>();
        for (let seq = start + 1; seq <= start + budget * 12; seq += 1) {
          const recordedAt = "2026-01-01T00:00:00.000Z";
          for (const mutation of small.plan(
            recordOf(seq, { recordedAt, targets: [{ id: "1" }] }),
          )) {
            if (mutation.kind !== "edge") continue;
            const { type, from, to } = mutation;
            if (edges.has(`${type} ${from} ${to}`)) continue;
            edges.add(`${type} ${from} ${to}`);
            for (const end of [from, to]) degrees.set(end, (degrees.get(end) ?? 0) + 1);
          }
        }
        expect(Math.max(...degrees.values())).toBeLessThanOrEqual(budget);
      }),
      { numRuns: 20 },
    );
  });
});
