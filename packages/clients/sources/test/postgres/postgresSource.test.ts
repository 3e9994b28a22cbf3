// Goal: each row of a table is recorded once, also when transactions commit in another order than they drew their keys, and when the source or
// the database dies. Method: a real PostgreSQL with transactions that overlap, and a server over a log in memory. Skipped where PostgreSQL is not
// installed.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AnnalsClient, ClientError } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import { startPostgres, whyNoPostgres } from "@annals/doubles";
import type { PostgresServer } from "@annals/doubles";
import { MemoryService, startTestServer } from "@annals/fake-server";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { PostgresSource } from "../../src/postgres/postgresSource.ts";
import { readBatch } from "../../src/postgres/table.ts";
import type { PostgresSourceOptions } from "../../src/postgres/postgresSource.ts";

const why = whyNoPostgres();
const WAIT = { timeout: 30_000, interval: 10 };
const TABLE = `
  CREATE TABLE orders (
    id bigserial PRIMARY KEY, who text NOT NULL, total numeric, at timestamptz,
    xact_id xid8 NOT NULL DEFAULT pg_current_xact_id()
  );
  CREATE INDEX ON orders (xact_id, id);`;

describe.skipIf(why !== undefined)(`PostgreSQL${why === undefined ? "" : `: ${why}`}`, () => {
  const close: (() => unknown)[] = [];
  let postgres: PostgresServer;
  let service: MemoryService;
  let client: AnnalsClient;
  let cluster: string;
  let database: Client;
  let ending: AbortController;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.close());

  beforeEach(async () => {
    service = new MemoryService();
    const server = await startTestServer({}, service);
    cluster = server.url;
    client = new AnnalsClient({ urls: [cluster], retryForMs: 2_000 });
    ending = new AbortController();
    close.push(
      () => server.close(),
      () => client.close(),
    );
    database = await connect();
    await database.query(`DROP TABLE IF EXISTS orders; ${TABLE}`);
  });

  afterEach(async () => {
    ending.abort();
    for (const one of close.splice(0).toReversed()) await one();
  });

  async function connect(): Promise<Client> {
    const made = new Client({ connectionString: postgres.url });
    made.on("error", () => undefined);
    await made.connect();
    close.push(() => made.end().catch(() => undefined));
    return made;
  }

  function source(options: Partial<PostgresSourceOptions> = {}): PostgresSource {
    return new PostgresSource({
      name: "orders",
      client,
      cluster: "c",
      log: "audit",
      url: postgres.url,
      schema: "public",
      table: "orders",
      column: "id",
      xid: "xact_id",
      mapping: { actor: { id: "{value.who}" }, action: "ordered", targets: [{ id: "{key}" }] },
      pollMs: 10,
      ...options,
    });
  }

  function run(one: PostgresSource, signal: AbortSignal = ending.signal): Promise<void> {
    const running = one.run(signal);
    // A source that is to fail may do so before anybody looks.
    running.catch(() => undefined);
    close.push(() => running.catch(() => undefined));
    return running;
  }

  async function insert(by: Client, count: number): Promise<void> {
    await by.query("INSERT INTO orders (who) SELECT 'ada' FROM generate_series(1, $1)", [count]);
  }

  async function all(): Promise<readonly StoredRecord[]> {
    const found: StoredRecord[] = [];
    for await (const record of client.records("audit")) found.push(record);
    return found;
  }

  /** Keys of the rows that are on record. */
  async function recorded(): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const { action, data } of client.records("audit"))
      if (action === "ordered") found.push(Number(data?.["id"]));
    return found;
  }

  async function untilRecorded(count: number): Promise<void> {
    await vi.waitUntil(async () => (await recorded()).length >= count, WAIT);
    const { rows } = await database.query<{ readonly id: string }>("SELECT id FROM orders");
    const keys = rows.map(({ id }) => Number(id)).toSorted((a, b) => a - b);
    expect((await recorded()).toSorted((a, b) => a - b)).toEqual(keys);
  }

  test("a row becomes the record that the mapping says, with its digits and its time", async () => {
    await database.query(
      `INSERT INTO orders (who, total, at)
       VALUES ('ada', 12345678901234567890.10, '2026-01-31T12:00:00+01:00')`,
    );
    const one = source({ time: "at" });
    void run(one);
    await untilRecorded(1);
    const record = (await all()).find(({ action }) => action === "ordered");
    expect(record).toMatchObject({
      id: expect.stringMatching(/^public\.orders\/\d+\/1$/),
      time: "2026-01-31T11:00:00.000Z",
      actor: { id: "ada" },
      targets: [{ id: "1" }],
    });
    expect(String(record?.data?.["total"])).toBe("12345678901234567890.10");
    expect(record?.data).not.toHaveProperty("xact_id");
    await vi.waitUntil(() => one.status.lag === 0, WAIT);
    expect(one.status).toMatchObject({ state: "running", records: 1, takeovers: 1 });
  });

  test("of transactions that overlap none is passed, whatever the order in which they commit", async () => {
    const [early, late] = [await connect(), await connect()];
    await early.query("BEGIN");
    await insert(early, 1);
    await late.query("BEGIN");
    await insert(late, 1);
    await late.query("COMMIT");
    // The row with the greater key is there, and the one with the smaller key is not.
    await insert(database, 3);
    const one = source();
    void run(one);
    await vi.waitUntil(() => one.status.lag === 4, WAIT);
    expect(await recorded()).toEqual([]);
    await early.query("COMMIT");
    await untilRecorded(5);
    // One that draws its key late, in a transaction that began early.
    await early.query("BEGIN");
    await early.query("SELECT pg_current_xact_id()");
    await insert(database, 2);
    await insert(early, 1);
    await early.query("COMMIT");
    await untilRecorded(8);
    // One that is rolled back holds nothing up afterwards, and leaves nothing.
    await early.query("BEGIN");
    await insert(early, 1);
    await insert(database, 2);
    await early.query("ROLLBACK");
    await untilRecorded(10);
    expect(one.status).toMatchObject({ state: "running", records: 10, retries: 0 });
  });

  test("many writers at once, and a source that dies at any append: each row is there once", {
    timeout: 120_000,
  }, async () => {
    const writers = await Promise.all(Array.from({ length: 4 }, connect));
    const writing = Promise.all(
      writers.map(async (writer, k) => {
        for (let n = 0; n < 40; n++) {
          await writer.query("BEGIN");
          await insert(writer, 1 + ((n * 7 + k) % 5));
          await writer.query("SELECT pg_sleep($1)", [((n + k) % 3) / 1000]);
          await writer.query(n % 9 === 0 ? "ROLLBACK" : "COMMIT");
        }
      }),
    );
    let appends = 0;
    service.afterAppend = () => {
      appends++;
      if (appends % 5 === 0) throw new ClientError("ERR_DIED", "the answer is lost");
    };
    const isWritten = writing.then(() => true);
    let isOver = false;
    while (!isOver) {
      const life = new AbortController();
      const running = run(source(), life.signal);
      isOver = await Promise.race([
        isWritten,
        running.then(
          () => false,
          () => false,
        ),
      ]);
      life.abort();
      await running.catch(() => undefined);
    }
    service.afterAppend = () => {};
    void run(source());
    const { rows } = await database.query<{ readonly count: string }>(
      "SELECT count(*) AS count FROM orders",
    );
    await untilRecorded(Number(rows[0]?.count));
    expect(appends).toBeGreaterThan(5);
  });

  test("a process that is killed with -9 in the middle leaves nothing out and nothing twice", {
    timeout: 120_000,
  }, async () => {
    const script = fileURLToPath(new URL("./sourceProcess.ts", import.meta.url));
    const argv = ["--conditions=annals-source", script, cluster, postgres.url];
    let dies = Promise.withResolvers<void>();
    let appends = 0;
    // Killed while the answer to an append is on its way, so that nobody knows whether it counts.
    service.afterAppend = () => {
      if (++appends % 4 === 0) dies.resolve();
    };
    for (let life = 1; life <= 3; life++) {
      await insert(database, 450);
      dies = Promise.withResolvers<void>();
      const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "inherit"] });
      const ended = new Promise<unknown>((resolve) => child.once("close", (_, by) => resolve(by)));
      await dies.promise;
      child.kill("SIGKILL");
      expect(await ended).toBe("SIGKILL");
    }
    service.afterAppend = () => {};
    void run(source());
    await untilRecorded(1_350);
  });

  test("a database that crashes is waited for by whoever runs the source, and nothing is lost", {
    timeout: 60_000,
  }, async () => {
    await insert(database, 10);
    const first = run(source());
    await untilRecorded(10);
    await postgres.crash();
    await expect(first).rejects.toMatchObject({ retryable: true });
    database = await connect();
    await insert(database, 10);
    void run(source());
    await untilRecorded(20);
  });

  test("the second process of a source stands by, and goes on where the first one was", async () => {
    await insert(database, 5);
    const leaving = new AbortController();
    const [one, two] = [source(), source()];
    const first = run(one, leaving.signal);
    await untilRecorded(5);
    void run(two);
    await vi.waitUntil(() => two.status.state === "standby", WAIT);
    await insert(database, 5);
    await untilRecorded(10);
    expect(two.status.records).toBe(0);
    leaving.abort();
    await first;
    await insert(database, 5);
    await untilRecorded(15);
    expect(two.status).toMatchObject({ state: "running", records: 5 });
  });

  test("a log that has forgotten the producer is searched", async () => {
    await insert(database, 5);
    const leaving = new AbortController();
    const first = run(source(), leaving.signal);
    await untilRecorded(5);
    leaving.abort();
    await first;
    vi.spyOn(client, "producer").mockResolvedValue(undefined);
    await insert(database, 5);
    void run(source());
    await untilRecorded(10);
    const takeovers = (await all()).filter(({ action }) => action === "postgres.takeover");
    // The second one has found the first.
    expect(takeovers.map(({ data }) => data?.["after"])).toEqual([0, takeovers[0]?.seq]);
  });

  test("a source that is given another table begins at its beginning", async () => {
    await insert(database, 5);
    // The takeover of the second one names the place where the first one was.
    for (const takeovers of [1, 2]) {
      const leaving = new AbortController();
      const one = source();
      const running = run(one, leaving.signal);
      await untilRecorded(5);
      await vi.waitUntil(() => one.status.takeovers === 1, WAIT);
      leaving.abort();
      await running;
      const taken = (await all()).filter(({ action }) => action === "postgres.takeover");
      expect(taken).toHaveLength(takeovers);
    }
    await database.query("DROP TABLE IF EXISTS bills");
    await database.query(TABLE.replaceAll("orders", "bills"));
    // Older than what is recorded of the other table.
    await database.query("INSERT INTO bills (who, xact_id) VALUES ('ada', '5')");
    const other = source({ table: "bills" });
    void run(other);
    await vi.waitUntil(() => other.status.records === 1, WAIT);
    expect((await all()).at(-1)?.id).toBe("public.bills/5/1");
  });

  test("what does not fit is a dead letter, and the rest goes on", async () => {
    await database.query("INSERT INTO orders (who) VALUES (''), (repeat('x', 2000000)), ('ada')");
    const one = source();
    void run(one);
    await vi.waitUntil(() => one.status.records === 3, WAIT);
    expect(one.status.deadLetters).toEqual({ mapping: 2, refused: 0 });
    const letters = (await all()).filter(({ action }) => action === "postgres.unmapped");
    expect(letters.map(({ data }) => data?.["reason"])).toEqual([
      "actor.id: is empty",
      expect.stringMatching(/^the row has 2000\d\d\d bytes of JSON, at most 1048576 are recorded$/),
    ]);
  });

  test("large rows come in bounded batches", async () => {
    await database.query(
      "INSERT INTO orders (who) SELECT repeat('x', 900000) FROM generate_series(1, 12)",
    );
    const table = { schema: "public", table: "orders", column: "id", xid: "xact_id" };
    const first = await readBatch(database, table, "bigint", undefined);
    // At most 4 MiB, and one row beyond.
    expect(first.map(({ key }) => key)).toEqual(["1", "2", "3", "4", "5"]);
    const mapping = { actor: { id: "a" }, action: "ordered", data: "id" };
    const one = source({ mapping });
    void run(one);
    await vi.waitUntil(() => one.status.records === 12, WAIT);
    expect(one.status.deadLetters).toEqual({ mapping: 0, refused: 0 });
  });

  test.each([
    ["ALTER TABLE orders DROP COLUMN xact_id", /ADD COLUMN "xact_id" xid8 NOT NULL DEFAULT/],
    ["ALTER TABLE orders ALTER COLUMN xact_id DROP DEFAULT", /cannot show which rows/],
    ["ALTER TABLE orders ALTER COLUMN xact_id DROP NOT NULL", /cannot show which rows/],
    ["ALTER TABLE orders DROP CONSTRAINT orders_pkey", /id must be NOT NULL and unique/],
    ["ALTER TABLE orders ALTER COLUMN id TYPE text", /id is text/],
    ["ALTER TABLE orders DROP COLUMN id", /has no column id/],
    ["DROP TABLE orders", /there is no such table/],
    ["ALTER TABLE orders RENAME TO o; CREATE VIEW orders AS SELECT * FROM o", /it is no table/],
  ])("%s: the table is refused", async (statement, says) => {
    await database
      .query(`DROP VIEW IF EXISTS orders; DROP TABLE IF EXISTS o`)
      .catch(() => undefined);
    await database.query(statement);
    const refusal = { code: "ERR_SOURCE_TABLE", message: expect.stringMatching(says) };
    await expect(source().test()).rejects.toMatchObject(refusal);
    await expect(run(source())).rejects.toMatchObject(refusal);
    await database.query("DROP VIEW IF EXISTS orders").catch(() => undefined);
    await database.query("DROP TABLE IF EXISTS o");
  });

  test("a database that was put back, and a user who may not read, are told", async () => {
    await insert(database, 1);
    await database.query("UPDATE orders SET xact_id = '999999999999'");
    const leaving = new AbortController();
    const missing = source();
    void run(missing, leaving.signal);
    await vi.waitUntil(() => missing.status.lag === 1, WAIT);
    leaving.abort();
    // The log has a row of a transaction that this database has not had.
    const record = { actor: { id: "a" }, action: "ordered", id: "public.orders/999999999999/1" };
    const { lastSeq } = await client.append("audit", record);
    const takeover = {
      part: "public.orders",
      owner: "x",
      position: "999999999999/1",
      after: lastSeq,
    };
    await client.append("audit", {
      actor: { id: "postgres:put-back" },
      action: "postgres.takeover",
      data: takeover,
    });
    await expect(run(source({ name: "put-back" }))).rejects.toMatchObject({
      code: "ERR_SOURCE_HISTORY",
    });
    await database.query("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN");
    const url = postgres.url.replace("annals@", "guest@");
    await expect(source({ url }).test()).rejects.toMatchObject({ code: "ERR_SOURCE_REFUSED" });
    await expect(
      source({ url: "postgres://annals@127.0.0.1:1/none" }).test(),
    ).rejects.toMatchObject({ code: "ERR_SOURCE_UNREACHABLE", retryable: true });
  });

  test("a table without the index is read, and that is said", async () => {
    await database.query("DROP INDEX orders_xact_id_id_idx");
    const notes: string[] = [];
    await insert(database, 3);
    void run(source({ note: (text) => notes.push(text) }));
    await untilRecorded(3);
    expect(notes).toEqual([
      expect.stringContaining('CREATE INDEX CONCURRENTLY ON "public"."orders"'),
    ]);
    expect(await source().test()).toContain("it has no index");
  });
});
