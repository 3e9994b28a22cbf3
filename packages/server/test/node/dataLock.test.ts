// Goal: a data directory has one owner. Method: two nodes in one process on one directory, which the lock tells apart as well.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNode } from "@annals/server";
import { PathLock } from "@annals/storage";
import { expect, test } from "vitest";
import { startTestNode, stopTestNode } from "./testNode.ts";

test("a second node is refused, the first one goes on, and the directory is free after its end", async () => {
  const first = await startTestNode();
  const { config } = first;
  await expect(startNode(config)).rejects.toMatchObject({
    code: "ERR_DATA_IN_USE",
    message: expect.stringContaining(`another process runs on ${config.data}`),
  });
  expect((await fetch(`${first.node.url}/healthz`)).status).toBe(200);
  await first.node.close();
  const second = await startNode(config);
  await second.close();
  await stopTestNode(first);
});

test("a node that could not start leaves the directory free", async () => {
  const holder = await startTestNode();
  const data = await mkdtemp(join(tmpdir(), "annals-lock-"));
  await expect(startNode({ ...holder.config, data })).rejects.toThrow("EADDRINUSE");
  new PathLock(join(data, "lock")).release();
  await stopTestNode(holder);
  await rm(data, { recursive: true });
});
