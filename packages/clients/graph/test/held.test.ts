/**
 * Goal: a graph that is as its log says is the same in a comparison, and what differs is named. Method: records are driven into the embedded engine,
 * and something is taken away or changed.
 */
import type { StoredRecord } from "@annals/client";
import { valueHash } from "@annals/sinks";
import type { Held } from "@annals/sinks";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { GraphDatabase } from "../src/graphDatabase.ts";
import type { GraphSink } from "../src/graphSink.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { chunksOf, NEVER, openSink, recordOf } from "./driving.ts";

const RECORDS: readonly StoredRecord[] = Array.from({ length: 10 }, (_, k) =>
  recordOf(k + 1, {
    targets: [{ type: "doc", id: `d${k % 3}` }],
    changes: [{ path: "state", before: k, after: k + 1 }],
  }),
);

let database: GraphDatabase;
let sink: GraphSink;

beforeEach(async () => {
  database = await GrafeoDatabase.open();
  sink = await openSink(database);
  for (const chunk of chunksOf(sink, RECORDS, 50)) await sink.apply(chunk, NEVER);
});

afterEach(async () => {
  await database.close();
});

async function held(): Promise<readonly Held[]> {
  return sink.held({ from: 1, to: 10, records: RECORDS }, NEVER);
}

async function change(cypher: string): Promise<void> {
  const transaction = await database.begin(NEVER);
  await transaction.run(cypher, {});
  await transaction.commit();
}

test("each record is held with the hash of what it says", async () => {
  expect(await held()).toEqual(RECORDS.map((one) => ({ seq: one.seq, hash: valueHash(one) })));
});

test.each([
  ["an event", "MATCH (e:Event) WHERE e.seq = 4 DETACH DELETE e", 4, /edge|node .*event\|4/],
  [
    "what an event says",
    "MATCH (e:Event) WHERE e.seq = 4 SET e.action = 'x'",
    4,
    /event\|4 has not what the record says/,
  ],
  [
    "an edge",
    "MATCH (:Event {seq: 6})-[r:BY]->() DELETE r",
    6,
    /edge BY from .*event\|6 is missing/,
  ],
  ["a change", "MATCH (c:Change) WHERE c.seq = 7 SET c.new = 99", 7, /state.* has not what/],
])(
  "%s that was changed or taken away is named with its record",
  async (_what, cypher, seq, note) => {
    await change(cypher);
    const wrong = (await held()).filter(({ hash }) => hash === "");
    expect(wrong).toHaveLength(1);
    expect(wrong).toEqual([{ seq, hash: "", note: expect.stringMatching(note) }]);
  },
);

test("a record of which nothing is there is not held", async () => {
  await change("MATCH (n:Entity) DETACH DELETE n");
  expect(await held()).toEqual([]);
});
