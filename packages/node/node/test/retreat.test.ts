/**
 * Goal: a node gives its disk up only when a majority serves without it. Method: other nodes that answer as the test says, and data
 * directories with and without a quarantine.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, test } from "vitest";
import type { NodeConfig } from "@annals/config";
import { othersReady, retreatRefused } from "../src/retreat.ts";

let data: string;
let servers: Server[];

beforeEach(async () => {
  servers = [];
  data = await mkdtemp(join(tmpdir(), "annals-retreat-"));
});
afterEach(async () => {
  for (const server of servers) server.close();
  await rm(data, { recursive: true, force: true });
});

/** The configuration of the first node; the others, and an own server that must not be asked, answer /readyz with a status. */
async function configOf(own: number, others: readonly number[]): Promise<NodeConfig> {
  const nodes: Record<string, string> = {};
  for (const [k, status] of [own, ...others].entries()) {
    const server = createServer(({ url }, response) => {
      response.statusCode = url === "/readyz" ? status : 500;
      response.end("{}");
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    nodes[`n${k}`] = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    // Nobody is there.
    if (status === 0) server.close();
  }
  return { node: "n0", nodes, data } as unknown as NodeConfig;
}

test.each([
  ["both others of three", [200, 200], true],
  ["one of two others", [200, 503], false],
  ["one that is there", [200, 0], false],
  ["three others of five", [200, 200, 200, 503], true],
  ["two others of five", [200, 200, 503, 0], false],
  ["the other one of two", [200], false],
  ["nobody in a cluster of one", [], false],
])("ready: %s", async (_who, others, ready) => {
  expect(await othersReady(await configOf(200, others))).toBe(ready);
});

test.each([
  ["three nodes", [0, 0], false],
  ["four nodes", [0, 0, 0], false],
  ["two nodes", [0], true],
  ["one node", [], true],
])("without a majority beside it a node keeps its disk: %s", async (_what, others, refused) => {
  const why = await retreatRefused(await configOf(0, others));
  expect(why !== undefined).toBe(refused);
});

it("gives up one disk only: a quarantine from an earlier time is looked at first", async () => {
  await mkdir(join(data, "quarantine-20260101T000000Z"));
  const why = await retreatRefused(await configOf(0, [0, 0]));
  expect(why).toContain("quarantine-20260101T000000Z");
});
