// Goal: rows are whose they are, cursor and rows stay of one piece, and what the table refuses is not called a bad record. Method: what operators
// and a second cluster do to a real PostgreSQL of this machine, between two runs and within one.
import type { StoredRecord } from "@annals/client";
import { PostgresPlaces } from "@annals/doubles";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { inspect } from "../src/inspect.ts";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { Postgres } from "../src/postgres/postgres.ts";
import { replay } from "../src/replay.ts";
import type { SinkStatus } from "../src/run/status.ts";

const places = new PostgresPlaces();
const { obstacle } = places.declared;
const COUNT = 40;

let schema = "";
let made = 0;

interface Trial {
  readonly log: SinkTrial<string>["log"];
  run(): Promise<SinkStatus>;
  replay(to: number): Promise<unknown>;
}

function trialOf(options: {
  readonly cluster?: string;
  readonly name?: string;
  readonly records?: readonly StoredRecord[];
}): Trial {
  const { cluster = "one", name = "trial", records = sampleRecords(COUNT) } = options;
  const given = { url: places.url, name, cluster, log: "audit", lane: 0, schema };
  const sink = (): Postgres => new Postgres(given);
  const trial = new SinkTrial(sink, records, { chunkSize: 7 }, `cluster ${cluster}, log audit`);
  return {
    log: trial.log,
    run: () => {
      const runner = trial.runner();
      const isDone = (): boolean =>
        runner.status.state === "running" &&
        runner.status.position?.seq === trial.log.records.length;
      return trial.until(runner, isDone);
    },
    replay: (to) => replay(sink(), trial.log, trial.log, to, new AbortController().signal),
  };
}

async function rows(cluster = "one"): Promise<readonly number[]> {
  const found = await places.query(
    `SELECT seq FROM ${schema}.records WHERE cluster = '${cluster}' ORDER BY seq`,
  );
  return found.map(({ seq }) => Number(seq));
}

const ALL = Array.from({ length: COUNT }, (_, k) => k + 1);

describe.skipIf(obstacle !== undefined)(
  `PostgreSQL${obstacle === undefined ? "" : `: ${obstacle}`}`,
  { timeout: 60_000 },
  () => {
    afterAll(() => places.close());
    beforeEach(async () => {
      await places.harness();
      schema = `place${++made}`;
    });

    test("logs of one name of two clusters keep apart in one schema, whatever the sinks are called", async () => {
      const other = sampleRecords(COUNT).map((one) => ({ ...one, action: "theirs" }));
      await trialOf({}).run();
      await trialOf({ cluster: "two", name: "trial", records: other }).run();
      await trialOf({ cluster: "two", name: "another", records: other }).run();
      const found = await places.query(
        `SELECT cluster, count(*)::int AS count, count(DISTINCT action)::int AS actions,
           count(*) FILTER (WHERE action = record->>'action')::int AS whole
         FROM ${schema}.records GROUP BY cluster ORDER BY cluster`,
      );
      expect(found).toEqual([
        { cluster: "one", count: COUNT, actions: 2, whole: COUNT },
        { cluster: "two", count: COUNT, actions: 1, whole: COUNT },
      ]);
    });

    test.each([
      ["dropped", (): string => `DROP TABLE ${schema}.records`],
      ["truncated", (): string => `TRUNCATE ${schema}.records`],
      [
        "put back with its rows of before",
        (): string => `DELETE FROM ${schema}.records WHERE seq > 5`,
      ],
      [
        "swapped for another one with the same rows",
        (): string => `ALTER TABLE ${schema}.records RENAME TO was;
          CREATE TABLE ${schema}.records (LIKE ${schema}.was INCLUDING INDEXES);
          INSERT INTO ${schema}.records TABLE ${schema}.was`,
      ],
    ])(
      "a table that was %s is refused at the start, by name and with the way out",
      async (_what, sql) => {
        const trial = trialOf({});
        await trial.run();
        await places.query(sql());
        const left = await places
          .query(`SELECT seq FROM ${schema}.records`)
          .catch(() => "none" as const);
        const status = await trial.run();
        expect(status).toMatchObject({ state: "failed", lastError: { code: "ERR_SINK_PARTED" } });
        expect(status.lastError?.message).toMatch(
          new RegExp(`postgres .*schema ${schema}.*records .*annals sink replay FILE NAME --to 0`),
        );
        // Nothing is made anew behind somebody's back.
        expect(
          await places.query(`SELECT seq FROM ${schema}.records`).catch(() => "none" as const),
        ).toEqual(left);
        await trial.replay(0);
        expect((await trial.run()).state).toBe("running");
        expect(await rows()).toEqual(ALL);
      },
    );

    test("so it is in the middle of a run; and an operator may go on with the hole", async () => {
      const trial = trialOf({});
      const more = sampleRecords(10, COUNT + 1);
      await trial.run();
      trial.log.onCall = (name) => {
        if (name !== "read" || trial.log.records.length > COUNT) return undefined;
        trial.log.records.push(...more);
        return undefined;
      };
      await places.query(`TRUNCATE ${schema}.records`);
      await trial.replay(COUNT);
      await trial.run();
      expect(await rows()).toEqual(more.map(({ seq }) => seq));
    });

    test("a row with other content is neither written over nor passed over; one with the same is no harm", async () => {
      const trial = trialOf({});
      await trial.run();
      await trial.replay(0);
      expect(await trial.run()).toMatchObject({ state: "running", deadLetters: 0 });
      expect(await rows()).toEqual(ALL);
      await places.query(`UPDATE ${schema}.records SET actor_id = 'forged' WHERE seq = 9`);
      await trial.replay(0);
      const status = await trial.run();
      expect(status.lastError).toMatchObject({ code: "ERR_SINK_CONFLICT" });
      expect(status.lastError?.message).toMatch(/row of record 9 of log audit/);
      expect(await places.query(`SELECT actor_id FROM ${schema}.records WHERE seq = 9`)).toEqual([
        { actor_id: "forged" },
      ]);
      await places.query(`DELETE FROM ${schema}.records WHERE seq = 9`);
      expect((await trial.run()).state).toBe("running");
      expect(await rows()).toEqual(ALL);
    });

    test.each([
      ["a column that must not be null", (): string => "ADD region text NOT NULL", /region.*23502/],
      ["a column that is too short", (): string => "ALTER actor_id TYPE varchar(1)", /22001/],
      ["a check", (): string => "ADD CHECK (action = 'never')", /check constraint.*23514/],
    ])(
      "%s that somebody has added stops the sink and makes no dead letter",
      async (_what, how, words) => {
        const trial = trialOf({});
        const sink = new Postgres({
          url: places.url,
          name: "early",
          cluster: "one",
          log: "audit",
          lane: 0,
          schema,
        });
        await sink.open();
        await sink.close();
        await places.query(`ALTER TABLE ${schema}.records ${how()}`);
        const status = await trial.run();
        expect(status).toMatchObject({ state: "failed", deadLetters: 0, applied: 0 });
        expect(status.lastError?.code).toBe("ERR_SINK_REFUSED");
        expect(status.lastError?.message).toMatch(words);
        expect(status.lastError?.message).toMatch(/^sink trial \(postgres /);
        expect(trial.log.letters).toEqual([]);
      },
    );

    test("a check that only one record fails, and a constraint that waits for the commit, blame that record", async () => {
      const sink = trialOf({ name: "first", records: sampleRecords(3) });
      await sink.run();
      await places.query(`ALTER TABLE ${schema}.records ADD CHECK (action <> 'bad');
        ALTER TABLE ${schema}.records ADD unique_id text GENERATED ALWAYS AS (record->>'id') STORED;
        ALTER TABLE ${schema}.records ADD UNIQUE (unique_id) DEFERRABLE INITIALLY DEFERRED`);
      const bad = sampleRecords(COUNT).map((one) => {
        if (one.seq === 11) return { ...one, action: "bad" };
        return one.seq === 20 || one.seq === 30 ? { ...one, id: "twice" } : one;
      });
      const trial = trialOf({ name: "second", records: bad });
      const status = await trial.run();
      expect(status).toMatchObject({ state: "running", deadLetters: 2, residual: 0 });
      expect(trial.log.letters.map(({ seq }) => seq)).toEqual([11, 30]);
      expect(await rows()).toEqual(ALL.filter((seq) => seq !== 11 && seq !== 30));
    });

    test("a look at a place finds out what a run would stop at, and leaves nothing there", async () => {
      const given = {
        url: places.url,
        name: "trial",
        cluster: "one",
        log: "audit",
        lane: 0,
        schema,
      };
      const trial = trialOf({});
      const look = async (scope: string): Promise<unknown> => {
        const sink = new Postgres(given);
        const { signal } = new AbortController();
        try {
          return await inspect({ name: "trial", scope, sink, source: trial.log }, signal);
        } finally {
          await sink.close();
        }
      };
      expect(await look("cluster one, log audit")).toBeUndefined();
      expect(await rows()).toEqual([]);
      await trial.run();
      expect(await look("cluster one, log audit")).toMatchObject({ seq: COUNT });
      await expect(look("cluster two, log audit")).rejects.toMatchObject({
        code: "ERR_SINK_SCOPE",
      });
      await places.query(`ALTER TABLE ${schema}.records ADD region text NOT NULL DEFAULT 'x';
        ALTER TABLE ${schema}.records ALTER region DROP DEFAULT`);
      await expect(look("cluster one, log audit")).rejects.toMatchObject({
        code: "ERR_SINK_REFUSED",
        message: expect.stringMatching(/takes no record \(record 40, .*region.*23502/),
      });
      expect(await rows()).toEqual(ALL);
    });

    test.each(["LATIN1", "SQL_ASCII"])(
      "a database in %s is refused by name before anything is written",
      async (encoding) => {
        const database = `in_${encoding.toLowerCase()}`;
        await places.query(
          `CREATE DATABASE ${database} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
        );
        const url = places.url.replace("/postgres?", `/${database}?`);
        const sink = new Postgres({ url, name: "x", cluster: "one", log: "audit", lane: 0 });
        await expect(sink.open()).rejects.toMatchObject({
          code: "ERR_SINK_ENCODING",
          message: expect.stringMatching(new RegExp(`${database}.* ${encoding}, .*UTF8`)),
        });
        await sink.close();
      },
    );

    test("a table of this name that no sink has made is not taken over", async () => {
      await places.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.records (mine text);
        COMMENT ON TABLE ${schema}.records IS 'mine'`);
      const status = await trialOf({}).run();
      expect(status.lastError).toMatchObject({ code: "ERR_SINK_PARTED" });
      expect(status.lastError?.message).toMatch(/records was not made by a sink/);
      const [row] = await places.query(
        `SELECT obj_description('${schema}.records'::regclass) AS text`,
      );
      expect(row).toEqual({ text: "mine" });
    });

    test("a table that is gone is missed also by a sink that has written nothing yet", async () => {
      const trial = trialOf({ records: [] });
      const status = await trial.run();
      expect(status.lastError).toBeNull();
      await places.query(`DROP TABLE ${schema}.records`);
      expect((await trial.run()).lastError?.code).toBe("ERR_SINK_PARTED");
    });
  },
);
