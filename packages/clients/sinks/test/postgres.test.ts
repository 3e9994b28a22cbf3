// Goal: rows and cursor are one, whatever happens to the server. Method: the conformance kit and a crash over a real PostgreSQL of this machine;
// what failures mean by a table.
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { PostgresPlaces } from "@annals/doubles";
import { afterAll, describe, expect, test } from "vitest";
import { SINK_CONFORMANCE } from "../src/kit/conformance.ts";
import { sampleRecords } from "../src/kit/memoryLog.ts";
import { SinkTrial } from "../src/kit/trial.ts";
import { Postgres } from "../src/postgres/postgres.ts";
import { classifySqlState } from "../src/postgres/sqlState.ts";

test.each([
  ["40001", "conflict"],
  ["40P01", "conflict"],
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

test("a server is asked to end what a frozen runner leaves open, and to give up waiting for others", async () => {
  // Reads the first message of a client: its length, the version of the protocol, and settings.
  const asked = Promise.withResolvers<readonly string[]>();
  const server = createServer((socket) => {
    socket.once("data", (bytes: Buffer) => {
      asked.resolve(bytes.subarray(8).toString("utf8").split("\0"));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `postgres://annals@127.0.0.1:${port}/audit?sslmode=disable`;
  const sink = new Postgres({ url, name: "trial", cluster: "c", log: "audit", lane: 0 });
  await expect(sink.open()).rejects.toThrow(/./);
  const words = await asked.promise;
  const setting = (name: string): number => Number(words[words.indexOf(name) + 1]);
  expect(setting("idle_in_transaction_session_timeout")).toBeGreaterThan(0);
  expect(setting("lock_timeout")).toBeGreaterThan(0);
  expect(setting("statement_timeout")).toBeGreaterThan(0);
  await sink.close();
  server.close();
});

const places = new PostgresPlaces();
const { obstacle } = places.declared;

describe.skipIf(obstacle !== undefined)(
  `PostgreSQL${obstacle === undefined ? "" : `: ${obstacle}`}`,
  () => {
    afterAll(() => places.close());

    test.each(SINK_CONFORMANCE)("$name", { timeout: 60_000 }, async ({ run }) => {
      await expect(run(() => places.harness())).resolves.toBeUndefined();
    });

    test("a server that crashes in the middle is waited for, and nothing is lost or doubled", {
      timeout: 60_000,
    }, async () => {
      const made = await places.harness();
      const trial = new SinkTrial(() => made.sink(), sampleRecords(200), { chunkSize: 5 });
      let chunks = 0;
      let crash: Promise<void> | undefined;
      const status = await trial.untilDone({
        chunk: () => {
          if (++chunks === 10) crash = places.crash();
        },
      });
      await crash;
      expect((await made.dump()).split("\n")).toHaveLength(200);
      expect(status).toMatchObject({ applied: 200, deadLetters: 0, residual: 0 });
      expect(status.failures.transient).toBeGreaterThan(0);
      await made.close();
    });
  },
);
