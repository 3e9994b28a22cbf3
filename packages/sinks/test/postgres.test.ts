// Goal: rows and cursor are one, whatever happens to the server. Method: the conformance kit and a crash over a real PostgreSQL of this machine;
// what failures mean by a table.
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SINK_CONFORMANCE } from "../src/kit/conformance.ts";
import type { SinkHarness } from "../src/kit/conformance.ts";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { Postgres } from "../src/postgres/postgres.ts";
import { classifySqlState } from "../src/postgres/sqlState.ts";
import { startPostgres, whyNoPostgres } from "./postgresServer.ts";
import type { PostgresServer } from "./postgresServer.ts";

const why = whyNoPostgres();

test.each([
  ["40001", "transient"],
  ["40P01", "transient"],
  ["57P01", "transient"],
  ["08006", "transient"],
  ["25006", "transient"],
  ["ECONNREFUSED", "transient"],
  ["53200", "tooLarge"],
  ["57014", "tooLarge"],
  ["22P05", "data"],
  ["23514", "data"],
  ["28P01", "settings"],
  ["3D000", "settings"],
  ["42501", "settings"],
  ["XX000", "unknown"],
])("%s is %s", (code, meaning) => {
  expect(classifySqlState(Object.assign(new Error("x"), { code }))).toBe(meaning);
});

test("a lost connection is transient, a wrong password is not", () => {
  expect(classifySqlState(new Error("Connection terminated unexpectedly"))).toBe("transient");
  expect(classifySqlState(new Error("SASL: client password must be a string"))).toBe("settings");
  expect(classifySqlState(new Error("what?"))).toBe("unknown");
});

describe.skipIf(why !== undefined)(`PostgreSQL${why === undefined ? "" : `: ${why}`}`, () => {
  let server: PostgresServer;
  let admin: Client;
  let schemas = 0;
  beforeAll(async () => {
    server = await startPostgres();
    admin = await connect();
  }, 60_000);
  afterAll(async () => {
    await admin.end();
    await server.close();
  });

  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: server.url });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }

  async function harness(): Promise<SinkHarness<string>> {
    const schema = `s${++schemas}`;
    const options = { url: server.url, name: "trial", log: "audit", lane: 0, schema };
    return {
      sink: () => new Postgres(options),
      dump: async () => {
        const { rows } = await admin.query<{ readonly seq: string; readonly record: unknown }>(
          `SELECT seq, record FROM ${schema}.records ORDER BY seq`,
        );
        return rows.map(({ seq, record }) => `${seq} ${JSON.stringify(record)}`).join("\n");
      },
      // No text of PostgreSQL has a NUL.
      poison: (record) => ({ ...record, data: { text: "\0" } }),
      backup: async () => {
        for (const table of ["records", "sinks"])
          await admin.query(`CREATE TABLE ${schema}.old_${table} AS TABLE ${schema}.${table}`);
      },
      restore: async () => {
        for (const table of ["records", "sinks"])
          await admin.query(
            `DELETE FROM ${schema}.${table}; INSERT INTO ${schema}.${table} TABLE ${schema}.old_${table}`,
          );
      },
      close: async () => void (await admin.query(`DROP SCHEMA ${schema} CASCADE`)),
    };
  }

  test.each(SINK_CONFORMANCE)("$name", { timeout: 60_000 }, async ({ run }) => {
    expect(await run(harness)).toEqual({});
  });

  test("a server that crashes in the middle is waited for, and nothing is lost or doubled", {
    timeout: 60_000,
  }, async () => {
    const made = await harness();
    const trial = new SinkTrial(() => made.sink(), sampleRecords(200), { chunkSize: 5 });
    let chunks = 0;
    let crash: Promise<void> | undefined;
    const status = await trial.untilDone({
      chunk: () => {
        if (++chunks === 10) crash = server.crash();
      },
    });
    await crash;
    await admin.end();
    admin = await connect();
    expect((await made.dump()).split("\n")).toHaveLength(200);
    expect(status).toMatchObject({ applied: 200, deadLetters: 0, residual: 0 });
    expect(status.failures.transient).toBeGreaterThan(0);
    await made.close();
  });
});
