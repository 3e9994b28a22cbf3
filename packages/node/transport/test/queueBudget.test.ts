// Goal: the links of one worker together hold no more than its cap and one frame a link, and none of them is left paused.
// Method: accepted links on loopback whose peers send as fast as they can, without credit; a worker that lets go of one frame at a time.
import {
  FRAMES_PER_READ,
  GaugeFamily,
  LINK_FRAMES_MAX,
  PauseGate,
  WORKER_FRAMES_MAX,
} from "@annals/flow";
import { encodeFrame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { QueueBudget } from "../src/queueBudget.ts";
import type { InboundLink } from "../src/inboundLink.ts";
import { hello, Loopback } from "./loopback.ts";

const LINKS = 3;
const FRAMES = 40;
/** Beyond one read of a socket, so that a pause takes effect between two frames. */
const FRAME_BYTES = 80 * 1024;

interface Held {
  readonly link: InboundLink;
  readonly bytes: number;
}

let peer: Loopback;
let held: Held[];
let clients: WebSocket[];
let budget: QueueBudget;

const HELLO = encodeFrame({ kind: "hello", epoch: 1, ...hello("data", 1 << 20) });

beforeEach(() => {
  [held, clients] = [[], []];
});

afterEach(async () => {
  for (const client of clients) client.terminate();
  await peer.close();
});

async function accept(maxQueueBytes: number): Promise<void> {
  peer = await Loopback.start({
    maxMessageBytes: 1 << 20,
    maxQueueBytes,
    handler: (link) => {
      budget.join(link.gate);
      return {
        greeting: [],
        onBytes: (bytes) => {
          budget.add(bytes.length);
          held.push({ link, bytes: bytes.length });
        },
        onClose: () => budget.leave(link.gate),
      };
    },
  });
}

async function flood(frames: number): Promise<WebSocket> {
  const client = new WebSocket(peer.url);
  clients.push(client);
  await new Promise((resolve) => client.once("open", resolve));
  client.send(HELLO);
  for (let k = 0; k < frames; k++) client.send(new Uint8Array(FRAME_BYTES));
  return client;
}

/** The worker lets go of the oldest frame. */
function letGo(): void {
  const oldest = held.shift();
  if (oldest === undefined) return;
  budget.remove(oldest.bytes);
  oldest.link.release(oldest.bytes);
}

for (const cap of [1, FRAME_BYTES, 5 * FRAME_BYTES]) {
  it(`with a cap of ${cap} bytes at most one frame a link is beyond it, and all arrives`, async () => {
    const family = new GaugeFamily();
    budget = new QueueBudget(cap, family);
    await accept(1 << 30);
    await Promise.all(Array.from({ length: LINKS }, () => flood(FRAMES)));
    await vi.waitUntil(
      () => peer.links.length === LINKS && peer.links.every(({ gate }) => gate.paused),
    );
    expect(peer.links.map(({ gate }) => [...gate.reasons().keys()])).toEqual(
      Array.from({ length: LINKS }, () => ["worker-budget"]),
    );
    let arrived = 0;
    await vi.waitUntil(
      () => {
        arrived += held.length > 0 ? 1 : 0;
        letGo();
        return arrived === LINKS * FRAMES;
      },
      { timeout: 20_000, interval: 0 },
    );
    expect(family.read().largest).toBeLessThanOrEqual(cap + LINKS * FRAME_BYTES);
    expect(budget.read().current).toBe(0);
    expect(peer.links.some(({ gate }) => gate.paused)).toBe(false);
    expect(peer.links.every(({ gate }) => (gate.counts().get("worker-budget") ?? 0) > 0)).toBe(
      true,
    );
  });
}

it("a peer that sends without credit is paused at the cap of its link and one frame", async () => {
  budget = new QueueBudget(1 << 30);
  await accept(1);
  await flood(FRAMES);
  await vi.waitUntil(() => peer.links[0]?.gate.paused === true);
  expect([...(peer.links[0]?.gate.reasons().keys() ?? [])]).toEqual(["worker-lane"]);
  await vi.waitUntil(
    () => {
      letGo();
      return (
        peer.links[0]?.gauge().current === 0 &&
        peer.links[0].gate.counts().get("worker-lane") === FRAMES
      );
    },
    { timeout: 20_000, interval: 0 },
  );
  expect(peer.links[0]?.gauge().peak).toBe(FRAME_BYTES);
});

it("a flood of small frames is paused at their number, long before their bytes", async () => {
  budget = new QueueBudget(1 << 30);
  await accept(1 << 30);
  const client = await flood(0);
  for (let k = 0; k < 3 * LINK_FRAMES_MAX; k++) client.send(new Uint8Array(100));
  await vi.waitUntil(() => peer.links[0]?.gate.paused === true);
  expect([...(peer.links[0]?.gate.reasons().keys() ?? [])]).toEqual(["worker-lane"]);
  expect(held.length).toBeLessThanOrEqual(LINK_FRAMES_MAX + FRAMES_PER_READ);
  let arrived = 0;
  await vi.waitUntil(
    () => {
      for (let k = 0; k < 1000 && held.length > 0; k++, arrived++) letGo();
      return arrived === 3 * LINK_FRAMES_MAX;
    },
    { timeout: 20_000, interval: 0 },
  );
  expect(peer.links[0]?.gate.paused).toBe(false);
});

/** The gate of a link of a worker that holds as many frames as it may. */
function gateOfFullBudget(): PauseGate {
  budget = new QueueBudget(1 << 30);
  const gate = new PauseGate(
    () => undefined,
    () => undefined,
  );
  budget.join(gate);
  for (let k = 0; k < WORKER_FRAMES_MAX; k++) budget.add(1);
  return gate;
}

it("the frames of all links of a worker have a cap, too", () => {
  const gate = gateOfFullBudget();
  expect([...gate.reasons().keys()]).toEqual(["worker-budget"]);
  budget.remove(WORKER_FRAMES_MAX / 2, WORKER_FRAMES_MAX / 2);
  expect(gate.paused).toBe(false);
});

it("what a worker held ends with it, the frames as well as the bytes", () => {
  const gate = gateOfFullBudget();
  expect(gate.paused).toBe(true);
  budget.clear();
  expect(gate.paused).toBe(false);
  budget.add(1);
  expect(gate.paused).toBe(false);
  expect(budget.read().current).toBe(1);
});

it("pauses a link that comes while it is full, and resumes all at half", () => {
  budget = new QueueBudget(10);
  const events: string[] = [];
  const gate = (name: string) =>
    new PauseGate(
      () => void events.push(`${name} pauses`),
      () => void events.push(`${name} resumes`),
    );
  const [first, second] = [gate("first"), gate("second")];
  budget.join(first);
  budget.add(25);
  budget.join(second);
  budget.remove(19);
  expect(events).toEqual(["first pauses", "second pauses"]);
  budget.leave(second);
  budget.remove(1, 0);
  expect(events.slice(2)).toEqual(["second resumes", "first resumes"]);
  budget.add(30);
  budget.clear();
  expect(events.slice(4)).toEqual(["first pauses", "first resumes"]);
  expect([budget.read().current, budget.links]).toEqual([0, 1]);
});

it("leaves nothing behind after ten thousand links", () => {
  budget = new QueueBudget(1);
  for (let k = 0; k < 10_000; k++) {
    const gate = new PauseGate(
      () => undefined,
      () => undefined,
    );
    budget.join(gate);
    budget.add(1);
    gate.close();
    budget.leave(gate);
    budget.remove(1);
  }
  expect([budget.read().current, budget.links]).toEqual([0, 0]);
});
