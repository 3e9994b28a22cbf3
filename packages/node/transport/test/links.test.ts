// Goal: whoever does not read, or has not said who it is, costs a bounded amount and then its link.
// Method: links on loopback whose other side stops reading, or sends a large frame first.
import { BUFFERED_BYTES_MAX, FRAMING_BYTES, GaugeFamily, HELLO_BYTES_MAX } from "@annals/flow";
import { encodeFrame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { ClockQuestions } from "../src/clockQuestions.ts";
import { ControlLink } from "../src/controlLink.ts";
import type { LinkFault } from "../src/protocol.ts";
import { hello, Loopback, WELCOME } from "./loopback.ts";

const MAX_MESSAGE_BYTES = 8 << 20;
/** For conditions; on a busy machine a second may be too short. */
const WAIT = { timeout: 20_000 };

let peer: Loopback;
let faults: LinkFault[];
let buffered: GaugeFamily;
/** What the node lets a peer leave unread. */
let maxUnreadBytes: number;

beforeEach(async () => {
  [faults, buffered] = [[], new GaugeFamily()];
  maxUnreadBytes = BUFFERED_BYTES_MAX;
  const onFault = (fault: LinkFault) => void faults.push(fault);
  peer = await Loopback.start({
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxQueueBytes: MAX_MESSAGE_BYTES,
    handler: () => ({
      greeting: [WELCOME],
      unread: buffered,
      maxUnreadBytes,
      onBytes: () => undefined,
      onClose: onFault,
    }),
    onFault,
  });
});

afterEach(() => peer.close());

it("a stranger's frame is not even assembled before its hello", async () => {
  const client = new WebSocket(peer.url);
  client.on("error", () => undefined);
  await new Promise((resolve) => client.once("open", resolve));
  // Never finished: without a bound the node would wait for the rest with all of it in memory.
  client.send(new Uint8Array(MAX_MESSAGE_BYTES / 2), { fin: false });
  await vi.waitUntil(() => faults.length > 0, WAIT);
  expect(faults).toMatchObject([{ code: "ERR_FRAME_TOO_LARGE" }]);
  const read = peer.connections[0]?.bytesRead ?? Number.POSITIVE_INFINITY;
  expect(read).toBeLessThanOrEqual(HELLO_BYTES_MAX + 2 * 64 * 1024);
  client.terminate();
});

/** Sends to a peer that reads nothing until its link ends. Resolves with the reasons. */
async function letGo(purpose: "data" | "control", cap: number): Promise<readonly string[]> {
  maxUnreadBytes = cap;
  const client = new WebSocket(peer.url);
  client.on("error", () => undefined);
  await new Promise((resolve) => client.once("open", resolve));
  client.send(encodeFrame({ kind: "hello", epoch: 1, ...hello(purpose, MAX_MESSAGE_BYTES) }));
  await new Promise((resolve) => client.once("message", resolve));
  client.pause();
  const grant = encodeFrame({ kind: "grant", entries: 1, bytes: 1 });
  await vi.waitUntil(
    () => {
      for (let k = 0; k < 1000; k++) peer.links[0]?.send(grant);
      return faults.length > 0;
    },
    { ...WAIT, interval: 0 },
  );
  const { current, largest } = buffered.read();
  expect(largest).toBeGreaterThan(cap);
  expect(largest).toBeLessThan(cap + 1024);
  expect(current).toBe(0);
  client.terminate();
  return faults.map(({ code }) => code);
}

it("a leader that reads nothing is let go of when its acknowledgements pile up", async () => {
  expect(await letGo("data", BUFFERED_BYTES_MAX)).toEqual(["ERR_LINK_CONGESTED"]);
}, 30_000);

it("a peer that reads no answers on its control link is let go of at a lower cap", async () => {
  expect(await letGo("control", FRAMING_BYTES)).toEqual(["ERR_LINK_CONGESTED"]);
}, 30_000);

it("heartbeats for a node that reads nothing are dropped beyond their cap", async () => {
  const parcel = new Uint8Array(64 * 1024);
  const sent = new GaugeFamily();
  const link = new ControlLink({
    clock: new ClockQuestions(
      () => performance.now(),
      () => undefined,
    ),
    ...peer.dialling("control"),
    buffered: sent,
    onOpen: () => undefined,
    onFrame: () => undefined,
    onDown: () => undefined,
  });
  await vi.waitUntil(() => link.open, WAIT);
  peer.connections[0]?.pause();
  await vi.waitUntil(
    () => {
      link.send(1, parcel);
      return link.dropped > 100;
    },
    { ...WAIT, interval: 0 },
  );
  expect(sent.read().largest).toBeGreaterThan(0);
  expect(sent.read().largest).toBeLessThanOrEqual(BUFFERED_BYTES_MAX + 2 * parcel.length);
  link.close();
  expect(sent.read().current).toBe(0);
}, 30_000);

it("a control link that comes back counts silence from then on, not from before the outage", async () => {
  const silences: number[] = [];
  let skippedMs = 0;
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + skippedMs);
  const link = new ControlLink({
    clock: new ClockQuestions(
      () => performance.now(),
      () => undefined,
    ),
    ...peer.dialling("control"),
    onOpen: () => undefined,
    onFrame: () => undefined,
    onDown: (_fault, silentMs) => silences.push(silentMs),
  });
  try {
    await vi.waitUntil(() => link.open, WAIT);
    skippedMs = 3_600_000;
    for (const downs of [1, 2]) {
      peer.connections.at(-1)?.destroy();
      await vi.waitUntil(() => silences.length >= downs, WAIT);
      await vi.waitUntil(() => link.open, WAIT);
    }
    expect(silences[0]).toBeGreaterThanOrEqual(3_600_000);
    expect(silences[1]).toBeLessThan(3_600_000);
  } finally {
    link.close();
    clock.mockRestore();
  }
}, 30_000);
