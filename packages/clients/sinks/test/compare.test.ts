// Goal: what a sink holds is compared by values, stretch by stretch, and each kind of difference is named once. Method: sides made up, and a real
// PostgreSQL whose jsonb writes values in its own way.
import { parseExactly } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import { PostgresPlaces } from "@annals/doubles";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { compareSides } from "../src/compare.ts";
import type { Comparison } from "../src/compare.ts";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import type { Held } from "../src/sink.ts";
import { valueHash } from "../src/valueHash.ts";

function heldOf(records: readonly StoredRecord[]): readonly Held[] {
  return records.map((record) => ({ seq: record.seq, hash: valueHash(record) }));
}

/** Each side answers for as many seqs as it likes. */
function compare(
  log: readonly StoredRecord[],
  held: readonly Held[],
  letters: readonly number[] = [],
  most = [7, 5],
): Promise<Comparison> {
  const [ofLog = 1, ofSink = 1] = most;
  return compareSides({
    from: 1,
    to: 60,
    letters: new Set(letters),
    read: async (from, to) => {
      const end = Math.min(to, from + ofLog - 1);
      return { to: end, records: log.filter(({ seq }) => seq >= from && seq <= end) };
    },
    held: async (from, to) => {
      const end = Math.min(to, from + ofSink - 1);
      return { to: end, held: held.filter(({ seq }) => seq >= from && seq <= end) };
    },
  });
}

test("two sides that hold the same have the same count and hash, whatever the stretches", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 80 }),
      async (a, b) => {
        const log = sampleRecords(60);
        const { log: one, sink, differences } = await compare(log, heldOf(log), [], [a, b]);
        expect(one).toEqual(sink);
        expect([one.count, differences]).toEqual([60, 0]);
      },
    ),
  );
});

test("a record that is missing, another one, doubled, or of nobody is named; a dead letter is not missing", async () => {
  const log = sampleRecords(60).filter(({ seq }) => seq !== 40);
  const whole = heldOf(sampleRecords(60));
  const held = whole
    .filter(({ seq }) => seq !== 9 && seq !== 30)
    .map((one) => (one.seq === 20 ? { ...one, hash: "x", note: "why" } : one));
  const [first] = whole;
  if (first !== undefined) held.push(first);
  const found = await compare(log, held, [30]);
  expect(found.first).toEqual([
    { seq: 1, kind: "repeated" },
    { seq: 9, kind: "missing" },
    { seq: 20, kind: "different", note: "why" },
    { seq: 40, kind: "extra" },
  ]);
  expect(found).toMatchObject({ differences: 4, letters: 1, log: { count: 58 } });
  expect(found.log.hash).not.toBe(found.sink.hash);
});

const places = new PostgresPlaces();
const { obstacle } = places.declared;

describe.skipIf(obstacle !== undefined)(
  `PostgreSQL${obstacle === undefined ? "" : `: ${obstacle}`}`,
  { timeout: 60_000 },
  () => {
    afterAll(() => places.close());

    test("holds the values of a record, in whatever way it writes them", async () => {
      const data = [
        '{"b":1,"a":{"z":[],"y":null}}',
        '{"n":[1.0,-0,0.1,1e2,1.50e30,123456789012345678901234567890,0.1000000000000000055511151231257827]}',
        '{"text":"\\u00e9 \\ud83d\\ude00 \\" \\\\ \\n"}',
        '{"n":[9007199254740993,-18446744073709551616,1E-30]}',
      ];
      const texts = data.map(
        (text, k) =>
          `{"seq":${k + 1},"recordedAt":"2026-01-01T00:00:00.123Z","actor":{"id":"a"},"action":"x","data":${text}}`,
      );
      const records = texts.map((text) => parseExactly(text) as StoredRecord);
      const harness = await places.harness();
      const sink = harness.sink();
      await sink.open(new AbortController().signal);
      const next = {
        seq: 4,
        part: 0,
        epoch: 1,
        anchor: 4,
        settings: sink.settings,
        recordHash: "",
        scope: "s",
      };
      const signal = new AbortController().signal;
      await sink.apply(
        { expected: undefined, next, mutations: texts, records: 4, bytes: 0 },
        signal,
      );
      const held = await sink.held?.({ from: 1, to: 9, records }, signal);
      expect(held).toEqual(heldOf(records));
      await sink.close();
      await harness.close();
    });
  },
);
