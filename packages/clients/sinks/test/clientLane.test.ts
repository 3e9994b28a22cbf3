// Goal: a lane is renewed within its lease, whatever that divides by. Method: a node in memory that counts renewals.
import { AnnalsClient } from "@annals/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { ClientLane } from "../src/log/clientLane.ts";
import { SYSTEM_CLOCK } from "../src/log/systemClock.ts";
import { keepLane } from "../src/run/keepLane.ts";

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

test("it makes the group, takes its lane, says that it lives, and gives it back", async () => {
  server.service.groupAnswer = ({ op }) =>
    op === "acquire"
      ? { lane: 1, lanes: 2, token: 9, position: 4, begin: 0, leaseMs: 1000 }
      : { position: 4 };
  const options = { client, log: "audit", group: "sink.a", lane: 1, lanes: 2 } as const;
  const lane = new ClientLane({
    ...options,
    from: "first",
    settings: "s",
    feeds: "files /a",
    member: "m",
  });
  const { signal } = new AbortController();
  const grant = await lane.acquire(signal);
  expect(grant).toMatchObject({ lane: 1, token: 9, position: 4 });
  expect(server.service.groupRequests.at(-1)).toMatchObject({ op: "acquire", feeds: "files /a" });
  const ending = new AbortController();
  const kept = keepLane(lane, grant, SYSTEM_CLOCK, ending.signal);
  const renewals = (): number =>
    server.service.groupRequests.filter(({ op }) => op === "renew").length;
  await expect.poll(renewals, { timeout: 20_000 }).toBeGreaterThan(3);
  ending.abort();
  await kept;
  await lane.commit(grant, 4, signal);
  await lane.release(grant);
  const ops = server.service.groupRequests.map(({ op }) => op).filter((op) => op !== "renew");
  expect(ops).toEqual(["create", "acquire", "commit", "release"]);
});
