/** Goal: a server that is fit is found to be, one that is not is found out, and nothing is left behind. Method: fit ones, and broken ones. */
import { BoltServer, GrafeoEngine } from "@annals/doubles";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openGraph } from "../src/openGraph.ts";
import { verifyGraph } from "../src/verify.ts";
import { NEVER, query } from "./driving.ts";

let engine: GrafeoEngine;
let server: BoltServer;

beforeEach(async () => {
  engine = await GrafeoEngine.open();
  server = await BoltServer.start(engine);
});

afterEach(async () => {
  await server.close();
  engine.close();
});

describe("verify", () => {
  test.each(["bolt", "embedded"])("finds nothing wrong: %s", async (kind) => {
    const url = kind === "bolt" ? `bolt://${server.address}` : "grafeo:";
    const database = await openGraph(url);
    const told: string[] = [];
    const steps = await verifyGraph(database, NEVER, ({ name }) => told.push(name));
    expect(steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(told).toEqual(steps.map(({ name }) => name));
    expect(told).toHaveLength(7);
    expect(await query(database, "MATCH (n) RETURN n.key AS key")).toEqual([]);
    await database.close();
  });

  test("finds a database whose statements would scan", async () => {
    const database = await openGraph("grafeo:");
    database.ensure = () => Promise.resolve();
    const steps = await verifyGraph(database, NEVER);
    expect(steps.find(({ ok }) => !ok)).toMatchObject({ name: "no statement scans" });
    expect(steps.find(({ ok }) => !ok)?.detail).toContain("NodeScan");
    await database.close();
  });

  test("finds a database that does not roll back", async () => {
    const database = await openGraph("grafeo:");
    const begin = database.begin.bind(database);
    database.begin = async (signal) => {
      const transaction = await begin(signal);
      transaction.rollback = () => transaction.commit();
      return transaction;
    };
    const steps = await verifyGraph(database, NEVER);
    expect(steps.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual([
      "a rollback leaves nothing",
    ]);
    await database.close();
  });

  test("tells in words why a server cannot be used", async () => {
    const url = `bolt://${server.address}`;
    await server.close();
    const database = await openGraph(url);
    const [first] = await verifyGraph(database, NEVER);
    expect(first).toMatchObject({ ok: false, name: "constraints and indexes" });
    expect(first?.detail).toMatch(/^transient: /);
    await database.close();
    await expect(openGraph("http://x")).rejects.toMatchObject({ code: "ERR_GRAPH_OPTION" });
  });
});
