/** Goal: records of a git history become commits and histories of files. Method: plans, and answers of the embedded engine to what they wrote. */
import type { StoredRecord } from "@annals/client";
import { expect, test } from "vitest";
import type { GraphMutation } from "../src/mutation.ts";
import { gitMapping } from "../src/gitModel.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import { partyKey } from "../src/auditModel.ts";
import { chunksOf, NEVER, query, recordOf } from "./driving.ts";

const COMMIT = { source: "git", repository: "r", subject: "s", mainLine: true };

function committed(seq: number, id: string, fields: Partial<StoredRecord>): StoredRecord {
  return recordOf(seq, { ...fields, context: { ...COMMIT, commit: id, ...fields.context } });
}

function plan(record: StoredRecord): readonly GraphMutation[] {
  return gitMapping({ log: "code" }).plan(record);
}

test("a renamed file ends one history and begins another", () => {
  const targets = [
    { type: "file", id: "new" },
    { type: "file", id: "old" },
  ];
  const changes = [
    { path: "blob", before: "b1", after: "b1" },
    { path: "path", before: "old", after: "new" },
  ];
  const patches = plan(committed(7, "c7", { targets, changes })).filter((m) => m.kind === "patch");
  const [fresh, gone] = targets.map((target) => partyKey("Resource", target, ""));
  expect(patches.map(({ entity, path, before, after }) => [entity, path, before, after])).toEqual(
    expect.arrayContaining([
      [gone, "blob", "b1", null],
      [fresh, "blob", null, "b1"],
    ]),
  );
  expect(patches).toHaveLength(2);
});

test("what is none of git's is planned as any record", () => {
  const plain = recordOf(3, { changes: [{ path: "p", before: 1, after: 2 }] });
  const connect = (): never => expect.unreachable();
  const sink = new GraphSink({ id: "x", log: "code", connect });
  expect(plan(plain)).toEqual(sink.plan(plain));
});

test("a commit has its events, its parents and no more edges than a node may have", async () => {
  const database = await GrafeoDatabase.open();
  const mapping = gitMapping({ log: "code", degreeBudget: 16 });
  const connect = (): Promise<GrafeoDatabase> => Promise.resolve(database);
  const sink = new GraphSink({ id: "test", log: "code", degreeBudget: 16, mapping, connect });
  await sink.open(NEVER);
  const file = (seq: number): Partial<StoredRecord> => ({
    targets: [{ type: "file", id: `f${seq}` }],
  });
  const log = [
    committed(1, "a", file(1)),
    committed(2, "b", { context: { parents: ["a"], mainLine: false } }),
    ...Array.from({ length: 40 }, (_, k) =>
      committed(3 + k, "c", { ...file(3 + k), context: { parents: ["a", "b"] } }),
    ),
  ];
  for (const chunk of chunksOf(sink, log, 200)) await sink.apply(chunk, NEVER);
  const parents = await query(
    database,
    "MATCH (c:Commit)-[p:PARENT]->(d:Commit) RETURN c.id AS id, p.position AS at, d.id AS parent " +
      "ORDER BY id, at",
  );
  expect(parents.map(({ id, at, parent }) => [id, at, parent])).toEqual([
    ["b", 0, "a"],
    ["c", 0, "a"],
    ["c", 1, "b"],
  ]);
  const events = await query(
    database,
    "MATCH (c:Commit {id: 'c'})<-[:PART_OF]-(:CommitPart)<-[:DONE_IN]-(e:Event) RETURN count(e) AS n",
  );
  expect(events).toEqual([{ n: 40 }]);
  const degrees = await query(
    database,
    "MATCH (n:Entity)-[r]-() WITH n, count(r) AS degree RETURN max(degree) AS most",
  );
  expect(Number(degrees[0]?.["most"])).toBeLessThanOrEqual(16);
  expect(sink.counts().stubs).toBe(0);
  await sink.close();
});
