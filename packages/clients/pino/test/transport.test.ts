// Goal: audit lines of a logger reach the log, ordinary ones do not, and what cannot be appended is kept. Method: the transport on a stream of
// lines, against a real HTTP server over a node in memory.
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClientError, parseExactly } from "@annals/client";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import annalsTransport from "../src/index.ts";
import type { AnnalsTransportOptions } from "../src/index.ts";
import { recordOfLine } from "../src/recordOfLine.ts";

let server: TestServer;
let directory: string;
beforeEach(async () => {
  server = await startTestServer();
  directory = mkdtempSync(join(tmpdir(), "annals-pino-"));
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

/** Logs through the transport and waits until it has let go of everything. */
async function logged(
  options: Partial<AnnalsTransportOptions>,
  log: (logger: pino.Logger) => void,
): Promise<void> {
  const transport = annalsTransport({ urls: [server.url], log: "audit", ...options });
  const logger = pino({ base: { pid: 7 } }, transport);
  log(logger);
  transport.end();
  await once(transport, "close");
}

test("a line with actor and action is a record, an ordinary line is none", () => {
  const line = { level: 30, time: 0, msg: "hi", actor: { id: "ada" }, action: "login" };
  expect(recordOfLine(line, undefined)).toEqual({
    actor: { id: "ada" },
    action: "login",
    time: "1970-01-01T00:00:00.000Z",
    data: { level: 30, msg: "hi" },
  });
  expect(recordOfLine({ ...line, data: { a: 1 } }, undefined)?.data).toMatchObject({ a: 1 });
  expect(recordOfLine({ level: 30, msg: "hi" }, { id: "app" })).toBeUndefined();
  expect(recordOfLine({ action: "tick" }, undefined)).toBeUndefined();
  expect(recordOfLine({ action: "tick" }, { id: "app" })?.actor).toEqual({ id: "app" });
});

test.each<[string, unknown, string | undefined]>([
  ["milliseconds", 1_700_000_000_000, "2023-11-14T22:13:20.000Z"],
  ["seconds", 1_700_000_000, "2023-11-14T22:13:20.000Z"],
  ["microseconds", 1_700_000_000_123_456, "2023-11-14T22:13:20.123Z"],
  ["nanoseconds", 1_700_000_000_123_456_768, "2023-11-14T22:13:20.123Z"],
  ["exact nanoseconds", parseExactly("1700000000123456789"), "2023-11-14T22:13:20.123Z"],
  ["a text", "2023-11-14T22:13:20.123456+01:00", "2023-11-14T22:13:20.123456+01:00"],
  ["a text that is no time", "yesterday", undefined],
  ["a number that is no time", 1e24, undefined],
  ["a negative number", -1, undefined],
  ["an object", { seconds: 1 }, undefined],
])("a time in %s is understood, or stays as it is", (_name, time, expected) => {
  const record = recordOfLine({ time, actor: { id: "ada" }, action: "login" }, undefined);
  expect(record?.time).toBe(expected);
  expect(record?.data).toEqual(expected === undefined ? { time } : {});
});

test("the line's own data and its other fields are both kept", () => {
  const line = { actor: { id: "ada" }, action: "login", msg: "out", level: 30 };
  expect(recordOfLine({ ...line, data: { msg: "in", a: 1 } }, undefined)?.data).toEqual({
    msg: "in",
    a: 1,
    level: 30,
    line: { msg: "out" },
  });
  expect(recordOfLine({ ...line, data: { msg: "in", line: 7 } }, undefined)?.data).toEqual({
    msg: "in",
    line: 7,
    level: 30,
    line_: { msg: "out" },
  });
  expect(recordOfLine({ ...line, data: "text" }, undefined)?.data).toEqual({
    data: "text",
    msg: "out",
    level: 30,
  });
});

test("records of a logger are appended in order, and the end waits for them", async () => {
  await logged({ maxPendingBytes: 1, maxBatchRecords: 2 }, (logger) => {
    for (let k = 0; k < 20; k++) {
      logger.info({ actor: { id: "ada" }, action: `do-${k}` });
      logger.info("an ordinary line");
    }
  });
  expect(server.service.appends.length).toBeGreaterThan(1);
  expect(server.service.appends.every(({ producer }) => producer !== undefined)).toBe(true);
  expect((await server.service.logs())[0]?.lastSeq).toBe(20);
  const text = server.service.appends.map(({ body }) => Buffer.from(body).toString("latin1"));
  const actions = text.join("").match(/do-\d+/g);
  expect(actions).toEqual(Array.from({ length: 20 }, (_, k) => `do-${k}`));
});

test("what cannot be appended becomes a dead letter with its reason", async () => {
  server.service.beforeAppend = () => {
    throw new ClientError("ERR_LOG_NOT_FOUND", "no such log");
  };
  const deadLetterFile = join(directory, "dead.ndjson");
  await logged({ deadLetterFile }, (logger) => {
    logger.info({ actor: { id: "" }, action: "bad" });
    logger.info({ actor: { id: "ada" }, action: "refused" });
  });
  const letters = readFileSync(deadLetterFile, "utf8")
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(letters).toMatchObject([
    { record: { action: "bad" }, reason: expect.stringContaining("actor.id") },
    { record: { action: "refused" }, reason: expect.stringContaining("no such log") },
  ]);
});

test("lines of a clock in nanoseconds do not end the logger, and numbers keep their digits", async () => {
  const transport = annalsTransport({ urls: [server.url], log: "audit" });
  const line =
    '{"time":1700000000123456789,"actor":{"id":"ada"},"action":"a","n":12345678901234567890}';
  transport.write(`${line}\n${line}\n`);
  transport.end();
  await once(transport, "close");
  expect((await server.service.logs())[0]?.lastSeq).toBe(2);
  const bytes = server.service.appends.map(({ body }) => Buffer.from(body).toString("hex"));
  expect(bytes.join("")).toContain(12345678901234567890n.toString(16));
});
