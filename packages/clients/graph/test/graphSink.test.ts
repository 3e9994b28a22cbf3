/**
 * Goal: the graph says what the records say, however they are cut into chunks, and each chunk takes effect once or not at all. Method: plans
 * are driven into the embedded engine and held against a plain fold of the records.
 */
import type { StoredRecord } from "@annals/client";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GraphDatabase } from "../src/graphDatabase.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import { partyKey } from "../src/auditModel.ts";
import { propertyKey } from "../src/changes.ts";
import { chunksOf, cursorAt, NEVER, openSink, query, recordOf } from "./driving.ts";
import { factsIn, foldOf, valueAsOf } from "./fold.ts";
import { records } from "./records.ts";

let database: GraphDatabase;

beforeEach(async () => {
  database = await GrafeoDatabase.open();
});

afterEach(async () => {
  await database.close();
});

describe("the graph", () => {
  test("equals a fold of the records, in chunks of any size, and answers as of any time", async () => {
    await fc.assert(
      fc.asyncProperty(records(), fc.integer({ min: 1, max: 60 }), async (log, size) => {
        const fresh = await GrafeoDatabase.open();
        const sink = await openSink(fresh, { writtenKeysMax: size });
        for (const chunk of chunksOf(sink, log, size)) await sink.apply(chunk, NEVER);
        expect(await factsIn(fresh)).toEqual(foldOf(log));
        for (const id of ["1", "2"]) {
          const entity = partyKey("Resource", { type: "doc", id }, "");
          for (const time of ["2025-12-31", "2026-01-01T00:00:03.000Z", "2026-01-02T12", "2027"]) {
            const property = propertyKey("audit", entity, "title");
            const [row] = await query(
              fresh,
              "MATCH (c:Change {property: $property}) " +
                "WHERE c.from <= $time AND (c.to IS NULL OR $time < c.to) RETURN c.new AS value",
              { property, time },
            );
            const found = row === undefined ? undefined : JSON.stringify(row["value"]);
            expect(found).toBe(valueAsOf(log, entity, "title", time));
          }
        }
        await fresh.close();
      }),
      { numRuns: 40 },
    );
  });

  test("has the seq of the first record that named it on every node and edge", async () => {
    const sink = await openSink(database);
    const log = [recordOf(5, { targets: [{ id: "1" }] }), recordOf(6, { targets: [{ id: "1" }] })];
    for (const chunk of chunksOf(sink, log, 100)) await sink.apply(chunk, NEVER);
    const rows = await query(database, "MATCH (n:Entity) RETURN n.key AS key, n.seq AS seq");
    expect(rows.filter(({ seq }) => seq === 6)).toHaveLength(1);
    expect(rows.filter(({ seq }) => seq === 5)).toHaveLength(7);
    const edges = await query(database, "MATCH (:Entity)-[r]->(:Entity) RETURN r.seq AS seq");
    expect(
      edges
        .map(({ seq }) => String(seq))
        .toSorted()
        .join(""),
    ).toBe("55555566");
  });

  test("keeps late changes between their neighbours, in one chunk and in many", async () => {
    const at = (seq: number, day: number): ReturnType<typeof recordOf> =>
      recordOf(seq, {
        time: `2026-01-${String(day).padStart(2, "0")}T00:00:00Z`,
        targets: [{ id: "x" }],
        changes: [{ path: "p", before: "?", after: seq }],
      });
    const log = [at(1, 10), at(2, 20), at(3, 15), at(4, 5), at(5, 15), at(6, 30), at(7, 1)];
    for (const size of [1, 7, 200]) {
      const fresh = await GrafeoDatabase.open();
      const sink = await openSink(fresh);
      for (const chunk of chunksOf(sink, log, size)) await sink.apply(chunk, NEVER);
      expect(await factsIn(fresh)).toEqual(foldOf(log));
      await fresh.close();
    }
  });
});

describe("a chunk", () => {
  test("takes effect once: a repeat is refused, and the cursor tells", async () => {
    const sink = await openSink(database);
    const [chunk] = chunksOf(sink, [recordOf(1)], 100);
    if (chunk === undefined) throw new Error("no chunk");
    await sink.apply(chunk, NEVER);
    expect(await sink.cursor(NEVER)).toEqual(chunk.next);
    const repeat = await sink.apply(chunk, NEVER).catch((error: unknown) => error);
    expect(repeat).toMatchObject({ code: "ERR_GRAPH_FENCED" });
    expect(sink.classify(repeat)).toBe("fenced");
    expect(await factsIn(database)).toEqual(foldOf([recordOf(1)]));
  });

  test("of a smaller epoch, of other settings or of another record is refused", async () => {
    const sink = await openSink(database);
    const [first] = chunksOf(sink, [recordOf(1)], 100);
    if (first === undefined) throw new Error("no chunk");
    await sink.apply({ ...first, next: cursorAt(sink, 1, 0, 5) }, NEVER);
    const stored = cursorAt(sink, 1, 0, 5);
    const [second] = chunksOf(sink, [recordOf(2)], 100, stored);
    if (second === undefined) throw new Error("no chunk");
    const refused = [
      { ...second, next: cursorAt(sink, 2, 0, 4) },
      { ...second, expected: { ...stored, epoch: 4 } },
      { ...second, expected: { ...stored, recordHash: "other" } },
      { ...second, expected: { ...stored, settings: "other" } },
      { ...second, expected: undefined },
    ];
    for (const chunk of refused) {
      await expect(sink.apply(chunk, NEVER)).rejects.toMatchObject({ code: "ERR_GRAPH_FENCED" });
    }
    await sink.apply({ ...second, next: cursorAt(sink, 2, 0, 6) }, NEVER);
    expect(await sink.cursor(NEVER)).toMatchObject({ seq: 2, epoch: 6 });
  });

  test("with one bad row takes no effect at all", async () => {
    const sink = await openSink(database);
    const [chunk] = chunksOf(sink, [recordOf(1), recordOf(2)], 100);
    if (chunk === undefined) throw new Error("no chunk");
    const [event] = chunk.mutations.filter((m) => m.kind === "node" && m.fresh);
    if (event === undefined) throw new Error("no event");
    const twice = { ...event, label: "Twin" } as typeof event;
    const failure = await sink
      .apply({ ...chunk, mutations: [...chunk.mutations, twice] }, NEVER)
      .catch((error: unknown) => error);
    expect(sink.classify(failure)).toBe("data");
    expect(await query(database, "MATCH (n) RETURN n.key")).toEqual([]);
    await sink.apply(chunk, NEVER);
    expect(sink.counts().cacheHits).toBe(0);
  });

  test("with an edge to what nobody has made gets a stub, which its node fills later", async () => {
    const sink = await openSink(database);
    const edge = { kind: "edge", key: "", seq: 1, fresh: false, properties: {} } as const;
    const [made] = chunksOf(sink, [recordOf(1)], 100);
    if (made === undefined) throw new Error("no chunk");
    const knows = { ...edge, type: "BY", from: "left", to: "right" };
    const likes = { ...edge, type: "ON", from: "left", to: "right" };
    await sink.apply({ ...made, mutations: [knows, likes] }, NEVER);
    expect(sink.counts().stubs).toBe(2);
    const node = { kind: "node", label: "Actor", key: "right", seq: 2, fresh: false } as const;
    const second = { expected: made.next, next: cursorAt(sink, 2), records: 1, bytes: 1 };
    const mutations = [{ ...node, properties: { id: "r" } }];
    await sink.apply({ ...second, mutations }, NEVER);
    const rows = await query(
      database,
      "MATCH (a:Entity)-[r]->(b:Actor) RETURN a.stub AS a, b.stub AS b, b.id AS id, type(r) AS type",
    );
    expect(rows.toSorted((a, b) => (String(a["type"]) < String(b["type"]) ? -1 : 1))).toEqual([
      { a: true, b: null, id: "r", type: "BY" },
      { a: true, b: null, id: "r", type: "ON" },
    ]);
  });
});

describe("a graph that has something already", () => {
  const log = (): readonly StoredRecord[] => [
    recordOf(1, { targets: [{ id: "d" }], changes: [{ path: "p", before: 1, after: 2 }] }),
    recordOf(2, { targets: [{ id: "d" }], changes: [{ path: "p", before: 2, after: 3 }] }),
    recordOf(3, { targets: [{ id: "d" }] }),
  ];

  async function written(own: GraphDatabase): Promise<GraphSink> {
    const sink = await openSink(own);
    for (const chunk of chunksOf(sink, log(), 200)) await sink.apply(chunk, NEVER);
    return sink;
  }

  test("takes a replay for a repeat: the graph stays as it is, and what is missing is written", async () => {
    const own = await GrafeoDatabase.open();
    const sink = await written(own);
    const whole = await factsIn(own);
    const [first] = chunksOf(sink, log(), 200);
    if (first === undefined) throw new Error("no chunk");
    const again = { ...first, expected: await sink.cursor(NEVER) };
    await sink.apply(again, NEVER);
    expect(await factsIn(own)).toEqual(whole);
    await change(own, "MATCH (e:Event) WHERE e.seq = 2 DETACH DELETE e");
    await sink.apply({ ...again, expected: await sink.cursor(NEVER) }, NEVER);
    expect(await factsIn(own)).toEqual(whole);
    await own.close();
  });

  test("that a record does not say stops the sink by name", async () => {
    const own = await GrafeoDatabase.open();
    const sink = await written(own);
    await change(own, "MATCH (e:Event) WHERE e.seq = 2 SET e.action = 'forged'");
    const [first] = chunksOf(sink, log(), 200);
    if (first === undefined) throw new Error("no chunk");
    const again = sink.apply({ ...first, expected: await sink.cursor(NEVER) }, NEVER);
    await expect(again).rejects.toMatchObject({
      code: "ERR_SINK_CONFLICT",
      message: expect.stringContaining("node audit|event|2 of record 2"),
    });
    await own.close();
  });

  test("but has lost what was written is refused at the start and at the next chunk, until an operator decides", async () => {
    const own = await GrafeoDatabase.open();
    const sink = await written(own);
    await change(own, "MATCH (n:Entity) DETACH DELETE n");
    const expected = await sink.cursor(NEVER);
    const next = chunksOf(sink, [recordOf(4)], 200, expected)[0];
    if (next === undefined) throw new Error("no chunk");
    await expect(sink.apply(next, NEVER)).rejects.toMatchObject({ code: "ERR_SINK_PARTED" });
    await expect(openSink(own)).rejects.toMatchObject({ code: "ERR_SINK_PARTED" });
    await sink.adopt(NEVER);
    await expect(sink.apply({ ...next, expected: await sink.cursor(NEVER) }, NEVER)).resolves.toBe(
      undefined,
    );
    await own.close();
  });

  test("belongs to one cluster: another one is refused by both ids", async () => {
    const own = await GrafeoDatabase.open();
    const open = async (cluster: string): Promise<unknown> => {
      const connect = (): Promise<GraphDatabase> => Promise.resolve(own);
      const given = { id: cluster, log: "audit", target: "graph g", cluster, connect };
      return new GraphSink(given).open(NEVER);
    };
    expect(await open("one")).toBeUndefined();
    expect(await open("one")).toBeUndefined();
    await expect(open("two")).rejects.toThrow(/graph g has records of cluster one, .* two/);
    await own.close();
  });

  test("takes what is tried for a while only: nothing of a probe stays", async () => {
    const own = await GrafeoDatabase.open();
    const sink = await written(own);
    const whole = await factsIn(own);
    await sink.probe(sink.plan(recordOf(4, { targets: [{ id: "new" }] })), NEVER);
    expect(await factsIn(own)).toEqual(whole);
    await own.close();
  });
});

async function change(own: GraphDatabase, cypher: string): Promise<void> {
  const transaction = await own.begin(NEVER);
  await transaction.run(cypher, {});
  await transaction.commit();
}
