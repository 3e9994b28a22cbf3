// Goal: `log.compression` may be changed at any time: what was stored before stays readable, damage is still found. Method: a real node that is
// started anew with the other setting: its answers, and fsck.
import { startTestNode, stopTestNode, untilReady } from "@annals/fake-server";
import type { TestNode } from "@annals/fake-server";
import { fsckNode } from "@annals/storage";
import pino from "pino";
import { afterEach, expect, it } from "vitest";
import { startNode } from "../src/startNode.ts";
import type { RunningNode } from "../src/incarnations.ts";

const RECORDS = 300;
const NOTE = "words that are in every one of these records, as they are in those of programs";

let test: TestNode;
afterEach(() => stopTestNode(test));

async function append(node: RunningNode, from: number): Promise<void> {
  const records = Array.from({ length: RECORDS }, (_, k) => ({
    actor: { id: `user-${from + k}` },
    action: "login",
    data: { note: NOTE },
  }));
  const response = await fetch(`${node.url}/v1/logs/audit/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(records),
  });
  expect(await response.json()).toMatchObject({ lastSeq: from + RECORDS - 1 });
}

async function actorsOf(node: RunningNode): Promise<readonly string[]> {
  const response = await fetch(`${node.url}/v1/logs/audit/records?limit=1000`);
  const { items } = (await response.json()) as { items: readonly { actor: { id: string } }[] };
  return items.map(({ actor }) => actor.id);
}

it("reads what was stored with either setting", async () => {
  test = await startTestNode("log: { compression: zstd }\n");
  await untilReady(test.node);
  await append(test.node, 1);
  await test.node.close();
  const config = { ...test.config, log: { ...test.config.log, compression: "none" as const } };
  const node = await startNode(config, { logger: pino({ level: "silent" }) });
  test = { ...test, node };
  await untilReady(node);
  await append(node, 1 + RECORDS);
  const expected = Array.from({ length: 2 * RECORDS }, (_, k) => `user-${k + 1}`);
  expect(await actorsOf(node)).toEqual(expected);
  await node.close();
  const reports = await fsckNode(test.config.data);
  expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
  const segments = reports.flatMap((report) => report.segments);
  expect(segments.reduce((sum, { records }) => sum + records, 0)).toBe(2 * RECORDS);
});
