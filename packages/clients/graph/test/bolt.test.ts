/**
 * Goal: over Bolt the graph is the same, and no fault of a server makes a chunk take effect twice or in part. Method: the unmodified driver
 * talks to a Bolt server of ours before a real Cypher engine, which loses connections, fails and waits as it is told.
 */
import { BoltServer, GrafeoEngine } from "@annals/doubles";
import type { SinkCursor } from "@annals/sinks";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GraphSink } from "../src/graphSink.ts";
import { BoltDatabase } from "../src/boltDatabase.ts";
import { chunksOf, NEVER, openSink, query, recordOf } from "./driving.ts";
import { factsIn, foldOf } from "./fold.ts";
import { records } from "./records.ts";

let engine: GrafeoEngine;
let server: BoltServer;
let database: BoltDatabase;

beforeEach(async () => {
  engine = await GrafeoEngine.open();
  server = await BoltServer.start(engine, { credentials: { user: "neo4j", password: "secret" } });
  const url = `bolt://${server.address}`;
  database = await BoltDatabase.open({ url, user: "neo4j", password: "secret" });
});

afterEach(async () => {
  await database.close();
  await server.close();
  engine.close();
});

const LOG = Array.from({ length: 6 }, (_, index) =>
  recordOf(index + 1, {
    targets: [{ type: "doc", id: String(index % 2) }],
    changes: [{ path: "state", before: index - 1, after: index }],
  }),
);

/** Applies every chunk as a runner does: after a failure the cursor says what is left. Returns how each failure was classified. */
async function run(sink: GraphSink, size: number, from?: SinkCursor): Promise<readonly string[]> {
  const classes: string[] = [];
  const chunks = chunksOf(sink, LOG, size);
  const placeOf = (cursor: SinkCursor | undefined): number =>
    chunks.findIndex(({ next }) => JSON.stringify(next) === JSON.stringify(cursor)) + 1;
  let isKnown = true;
  for (let done = placeOf(from); done < chunks.length && classes.length < 100; ) {
    try {
      if (!isKnown) {
        done = placeOf(await sink.cursor(NEVER));
        isKnown = true;
      }
      for (const chunk of chunks.slice(done)) {
        await sink.apply(chunk, NEVER);
        done += 1;
      }
    } catch (error) {
      classes.push(sink.classify(error));
      isKnown = false;
    }
  }
  return classes;
}

describe("over Bolt", () => {
  test("the graph equals a fold of the records", async () => {
    await fc.assert(
      fc.asyncProperty(records(6), fc.integer({ min: 1, max: 60 }), async (log, size) => {
        const own = await GrafeoEngine.open();
        const ownServer = await BoltServer.start(own);
        const graph = await BoltDatabase.open({ url: `neo4j://${ownServer.address}` });
        const sink = await openSink(graph);
        for (const chunk of chunksOf(sink, log, size)) await sink.apply(chunk, NEVER);
        expect(await factsIn(graph)).toEqual(foldOf(log));
        await graph.close();
        await ownServer.close();
        own.close();
      }),
      { numRuns: 5 },
    );
  });

  test.each([
    ["COMMIT", { kind: "lostBefore" }],
    ["COMMIT", { kind: "lostAfter" }],
    ["COMMIT", { kind: "cutChunk" }],
    ["PULL", { kind: "lostAfter" }],
    ["PULL", { kind: "cutChunk" }],
    ["BEGIN", { kind: "lostBefore" }],
    ["RUN", { kind: "failure", code: "Neo.TransientError.Transaction.DeadlockDetected" }],
    ["RUN", { kind: "failure", code: "Neo.ClientError.Cluster.NotALeader" }],
    ["COMMIT", { kind: "failure", code: "Neo.TransientError.General.DatabaseUnavailable" }],
  ] as const)("a fault at %s leaves each chunk in effect once: %j", async (request, fault) => {
    for (const skip of [0, 1, 2]) {
      const sink = await openSink(database, { id: `sink-${skip}`, log: `log-${skip}` });
      server.faults.plan(request, fault, { skip });
      const isConflict = fault.kind === "failure" && fault.code.includes("Deadlock");
      expect(await run(sink, 20)).toEqual([isConflict ? "conflict" : "transient"]);
    }
    const events = await query(database, "MATCH (e:Event) RETURN e.key AS key");
    expect(events).toHaveLength(LOG.length * 3);
    expect(await factsIn(database)).toMatchObject({
      events: [...foldOf(LOG).events, ...foldOf(LOG).events, ...foldOf(LOG).events].toSorted(),
    });
    expect(server.faults.left).toEqual([]);
  });

  test("a storm of transient failures and ambiguous commits changes nothing in the end", async () => {
    const sink = await openSink(database);
    const deadlock = "Neo.TransientError.Transaction.DeadlockDetected";
    server.faults.plan("RUN", { kind: "failure", code: deadlock }, { times: 20 });
    server.faults.plan("COMMIT", { kind: "lostAfter" }, { skip: 2, times: 4 });
    const classes = await run(sink, 5);
    expect(new Set(classes)).toEqual(new Set(["conflict", "transient"]));
    expect(await factsIn(database)).toEqual(foldOf(LOG));
  });

  test("too large a transaction, refused credentials and a full database are told apart", async () => {
    const sink = await openSink(database);
    const code = "Neo.TransientError.General.MemoryPoolOutOfMemoryError";
    server.faults.plan("RUN", { kind: "failure", code });
    expect(await run(sink, 20)).toEqual(["tooLarge"]);
    const url = `bolt://${server.address}`;
    const other = await BoltDatabase.open({ url, user: "neo4j", password: "wrong" });
    const refused = await openSink(other).catch((error: unknown) => error);
    expect(other.classify(refused)).toBe("settings");
    await other.close();
    await server.close();
    const gone = await sink.cursor(NEVER).catch((error: unknown) => error);
    expect(sink.classify(gone)).toBe("transient");
  });

  test("writes go on at the new leader when the old one has gone", async () => {
    const successor = await BoltServer.start(engine);
    let leader = server.address;
    const router = await BoltServer.start(engine, { leader: () => leader });
    const auth = { user: "neo4j", password: "secret" };
    const cluster = await BoltDatabase.open({ url: `neo4j://${router.address}`, ...auth });
    const sink = await openSink(cluster);
    const [first, ...rest] = chunksOf(sink, LOG, 40);
    if (first === undefined) throw new Error("no chunk");
    await sink.apply(first, NEVER);
    leader = successor.address;
    await server.close();
    const classes = await run(sink, 40, first.next);
    expect(classes.filter((one) => one !== "transient")).toEqual([]);
    expect(successor.requests("COMMIT")).toBeGreaterThanOrEqual(rest.length);
    expect(await factsIn(cluster)).toEqual(foldOf(LOG));
    await cluster.close();
    await router.close();
    await successor.close();
  });

  test("a server that does not answer holds nobody: the caller's signal ends the wait", async () => {
    const sink = await openSink(database);
    const { promise: until, resolve: release } = Promise.withResolvers<void>();
    server.faults.plan("COMMIT", { kind: "hold", until });
    const [chunk] = chunksOf(sink, LOG, 200);
    if (chunk === undefined) throw new Error("no chunk");
    const controller = new AbortController();
    const applying = sink.apply(chunk, controller.signal).catch((error: unknown) => error);
    const before = server.requests("COMMIT");
    await expect.poll(() => server.requests("COMMIT")).toBeGreaterThan(before - 1);
    controller.abort();
    expect(sink.classify(await applying)).toBe("transient");
    release();
    // Whether the commit took effect is the server's to say; either way the records are there once.
    await run(sink, 200);
    expect(await factsIn(database)).toEqual(foldOf(LOG));
  });
});

test("what a client leaves open for longer than it said is ended, and is free for others", async () => {
  const url = `bolt://${server.address}`;
  const options = { url, user: "neo4j", password: "secret", transactionTimeoutMs: 50 };
  const frozen = await BoltDatabase.open(options);
  const write = "MATCH (n:Entity {key: 'one'}) SET n.count = $count RETURN n.count AS count";
  const other = await database.begin(NEVER);
  await other.run("CREATE (:Entity {key: 'one', count: 0})", {});
  await other.commit();
  const left = await frozen.begin(NEVER);
  await left.run(write, { count: 1 });
  await vi.waitFor(async () => {
    const next = await database.begin(NEVER);
    await next.run(write, { count: 2 });
    await next.commit();
  }, 10_000);
  const late = await left.commit().catch((error: unknown) => error);
  expect([String(late), frozen.classify(late)]).toEqual([
    expect.stringContaining("too long"),
    "transient",
  ]);
  await frozen.close();
});
