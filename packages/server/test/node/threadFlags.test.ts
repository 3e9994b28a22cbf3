// Goal: a node starts although its process has a flag of V8, such as a limit on the main thread's heap. Method: a real node, the flag set here.
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestNode, stopTestNode, untilReady } from "./testNode.ts";

const FLAG = "--max-old-space-size=512";

beforeAll(() => void process.execArgv.push(FLAG));
afterAll(() => void process.execArgv.splice(process.execArgv.indexOf(FLAG), 1));

it("starts its workers", async () => {
  const test = await startTestNode("workers: { count: 1 }\n");
  await untilReady(test.node);
  expect((await fetch(`${test.node.url}/readyz`)).status).toBe(200);
  await stopTestNode(test);
}, 20_000);
