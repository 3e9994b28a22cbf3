/**
 * Goal: the graph sink holds out what the conformance kit does to any sink, on both engines. Method: the kit; what is written is compared by
 * a dump of every node and edge.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GraphDatabase, GraphMutation } from "@annals/graph";
import { BoltDatabase, GrafeoDatabase, GraphSink, mappingOfTemplate } from "@annals/graph";
import type { SinkHarness } from "@annals/sinks";
import { SINK_CONFORMANCE } from "@annals/sinks";
import { BoltServer, GrafeoEngine } from "@annals/testkit";
import { describe, expect, test } from "vitest";
import { query } from "./driving.ts";

type Harness = SinkHarness<GraphMutation>;

/** Every node but the cursor's, and every edge, a line each. */
async function dumpOf(database: GraphDatabase): Promise<string> {
  const nodes = await query(
    database,
    "MATCH (n:Entity) RETURN n.key AS key, labels(n) AS labels, properties(n) AS properties",
  );
  const edges = await query(
    database,
    "MATCH (a:Entity)-[r]->(b:Entity) RETURN a.key AS key, type(r) AS type, b.key AS to, " +
      "properties(r) AS properties",
  );
  return [...nodes, ...edges]
    .map((row) => JSON.stringify(row, sortedKeys))
    .toSorted()
    .join("\n");
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(String).toSorted();
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A database that outlives the sinks on it. */
function lent(database: GraphDatabase): GraphDatabase {
  return {
    name: database.name,
    begin: (signal) => database.begin(signal),
    ensure: (indexed, signal) => database.ensure(indexed, signal),
    explain: (cypher, parameters, signal) => database.explain(cypher, parameters, signal),
    classify: (error) => database.classify(error),
    close: () => Promise.resolve(),
  };
}

/** The case of crashes runs everything again for each call, so it has a plan that is not four chunks a record. */
const SMALL = mappingOfTemplate(
  [
    {
      nodes: {
        run: { label: "Run", key: ["$seq"] },
        actor: { label: "Actor", key: ["$actor.id"], properties: { id: "$actor.id" } },
      },
      edges: [{ type: "BY", from: "run", to: "actor" }],
    },
  ],
  "audit",
);

function sinkOn(isSmall: boolean, connect: () => Promise<GraphDatabase>): GraphSink {
  return new GraphSink({
    id: "kit",
    log: "audit",
    connect,
    ...(isSmall ? { mapping: SMALL } : {}),
  });
}

const poison: Harness["poison"] = (record) => ({ ...record, time: "not a time" });

async function embedded(isSmall: boolean): Promise<Harness> {
  const root = await mkdtemp(join(tmpdir(), "annals-graph-"));
  const [live, copy] = [join(root, "live"), join(root, "copy")];
  let database = await GrafeoDatabase.open(live);
  return {
    sink: () => sinkOn(isSmall, () => Promise.resolve(lent(database))),
    dump: () => dumpOf(database),
    poison,
    backup: async () => {
      await database.close();
      await cp(live, copy, { recursive: true });
      database = await GrafeoDatabase.open(live);
    },
    restore: async () => {
      await database.close();
      await rm(live, { recursive: true });
      await rm(`${live}.wal`, { recursive: true, force: true });
      await cp(copy, live, { recursive: true });
      database = await GrafeoDatabase.open(live);
    },
    close: async () => {
      await database.close();
      await rm(root, { recursive: true });
    },
  };
}

async function overBolt(isSmall: boolean): Promise<Harness> {
  const engine = await GrafeoEngine.open();
  const server = await BoltServer.start(engine);
  const url = `bolt://${server.address}`;
  const own = await BoltDatabase.open({ url });
  return {
    sink: () => sinkOn(isSmall, () => BoltDatabase.open({ url })),
    dump: () => dumpOf(own),
    poison,
    close: async () => {
      await own.close();
      await server.close();
      engine.close();
    },
  };
}

describe.each([
  ["embedded", embedded, []],
  ["bolt", overBolt, ["an old copy of the place"]],
] as const)("%s", (_name, make, skipped: readonly string[]) => {
  test.each(SINK_CONFORMANCE)("$name", { timeout: 60_000 }, async ({ name, run }) => {
    const isSmall = name.startsWith("a crash");
    const outcome = await run<GraphMutation>(() => make(isSmall));
    expect(outcome.skipped !== undefined).toBe(skipped.includes(name));
  });
});
