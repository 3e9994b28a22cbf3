// Goal: letters are written once, whoever else writes letters into the same log. Method: two sinks of one name that follow two logs, over the real
// HTTP API of a node in memory.
import { AnnalsClient } from "@annals/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { DeadLetterLog } from "../src/log/deadLetterLog.ts";
import { listLetters } from "../src/log/letters.ts";
import type { DeadLetter } from "../src/run/ports.ts";

let server: TestServer;
let client: AnnalsClient;
beforeEach(async () => {
  server = await startTestServer();
  client = new AnnalsClient({ urls: [server.url] });
});
afterEach(async () => {
  client.close();
  await server.close();
});

test("sinks of one name that follow two logs do not shut each other out", async () => {
  const of = { client, deadLetterLog: "audit", sink: "a", lane: 0 };
  const logs = ["orders", "users"].map((log) => new DeadLetterLog({ ...of, log }));
  const { signal } = new AbortController();
  for (const seq of [1, 2, 3]) for (const log of logs) await log.write(letter(seq), signal);
  const listed = await listLetters(client, "audit", "a", signal);
  expect(listed.map(({ log, seq }) => `${log}:${seq}`)).toEqual([
    "orders:1",
    "users:1",
    "orders:2",
    "users:2",
    "orders:3",
    "users:3",
  ]);
});

function letter(seq: number): DeadLetter {
  return { seq, class: "data", message: "m", attempts: 1, part: 0, settings: "s" };
}
