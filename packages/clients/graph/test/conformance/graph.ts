import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredRecord } from "@annals/client";
import { BoltServer, GrafeoEngine } from "@annals/doubles";
import type { DeclaredSink, SinkCaseName, SinkHarness } from "@annals/sinks";
import type { GraphDatabase } from "../../src/graphDatabase.ts";
import type { GraphMutation } from "../../src/mutation.ts";
import { BoltDatabase } from "../../src/boltDatabase.ts";
import { GrafeoDatabase } from "../../src/grafeoDatabase.ts";
import { GraphSink } from "../../src/graphSink.ts";
import { mappingOfTemplate } from "../../src/recordMapping.ts";
import { query } from "../driving.ts";

/** In a file, in the sink's own process. */
export const EMBEDDED: DeclaredSink<GraphMutation> = {
  name: "graph, embedded",
  effect: "exact",
  exempt: {},
  make: (name) => embedded(isSmall(name)),
};

/** The unmodified driver, and a Bolt server of ours before the same engine. */
export const OVER_BOLT: DeclaredSink<GraphMutation> = {
  name: "graph, Bolt",
  effect: "exact",
  exempt: {},
  make: (name) => overBolt(isSmall(name)),
};

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

function poison(record: StoredRecord): StoredRecord {
  return { ...record, time: "not a time" };
}

function isSmall(name: SinkCaseName): boolean {
  return name === "a crash before any call, and after it";
}

/** Puts a copy of the graph's files aside, or back. */
class Files {
  readonly live: string;
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    this.live = join(root, "live");
  }

  static async make(): Promise<Files> {
    return new Files(await mkdtemp(join(tmpdir(), "annals-graph-")));
  }

  backup(): Promise<void> {
    return cp(this.live, join(this.#root, "copy"), { recursive: true });
  }

  async restore(): Promise<void> {
    for (const path of [this.live, `${this.live}.wal`])
      await rm(path, { recursive: true, force: true });
    await cp(join(this.#root, "copy"), this.live, { recursive: true });
  }

  remove(): Promise<void> {
    return rm(this.#root, { recursive: true });
  }
}

async function embedded(small: boolean): Promise<Harness> {
  const files = await Files.make();
  let database = await GrafeoDatabase.open(files.live);
  const whileClosed = async (work: () => Promise<void>): Promise<void> => {
    await database.close();
    await work();
    database = await GrafeoDatabase.open(files.live);
  };
  return {
    sink: () => sinkOn(small, () => Promise.resolve(lent(database))),
    dump: () => dumpOf(database),
    poison,
    backup: () => whileClosed(() => files.backup()),
    restore: () => whileClosed(() => files.restore()),
    close: async () => {
      await database.close();
      await files.remove();
    },
  };
}

/** A server and a connection of the test's own to it. */
interface Served {
  readonly engine: GrafeoEngine;
  readonly server: BoltServer;
  readonly url: string;
  readonly own: BoltDatabase;
}

async function serve(path: string): Promise<Served> {
  const engine = await GrafeoEngine.open(path);
  const server = await BoltServer.start(engine);
  const url = `bolt://${server.address}`;
  return { engine, server, url, own: await BoltDatabase.open({ url }) };
}

async function end({ engine, server, own }: Served): Promise<void> {
  await own.close();
  await server.close();
  engine.close();
}

async function overBolt(small: boolean): Promise<Harness> {
  const files = await Files.make();
  let served = await serve(files.live);
  const whileDown = async (work: () => Promise<void>): Promise<void> => {
    await end(served);
    await work();
    served = await serve(files.live);
  };
  return {
    sink: () => sinkOn(small, () => BoltDatabase.open({ url: served.url })),
    dump: () => dumpOf(served.own),
    poison,
    backup: () => whileDown(() => files.backup()),
    restore: () => whileDown(() => files.restore()),
    close: async () => {
      await end(served);
      await files.remove();
    },
  };
}
