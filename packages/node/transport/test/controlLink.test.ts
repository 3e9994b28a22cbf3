/**
 * Goal: a control link carries what gathers in a turn as one frame, asks what time it is, and notices a peer that has fallen silent. Method:
 * a peer on loopback, and a monotonic clock that the test moves.
 */
import type { ClockSample } from "@annals/replica";
import { decodeFrame, encodeFrame } from "@annals/wire";
import type { Frame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ClockQuestions } from "../src/clockQuestions.ts";
import { ControlLink } from "../src/controlLink.ts";
import type { LinkFault } from "../src/protocol.ts";
import { Loopback, WELCOME } from "./loopback.ts";

const WAIT = { timeout: 20_000, interval: 5 };
const CERTIFICATE: Frame = { kind: "birth", certificate: Uint8Array.of(1, 2, 3) };

let peer: Loopback;
let link: ControlLink;
/** What the peer was sent. */
let got: Frame[];
let pings: number;
let answersPings: boolean;
let samples: ClockSample[];
let frames: Frame[];
let downs: (readonly [LinkFault, number])[];
let aheadMs: number;

beforeEach(async () => {
  [got, samples, frames, downs, pings, answersPings, aheadMs] = [[], [], [], [], 0, true, 0];
  const real = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => real() + aheadMs);
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  peer = await Loopback.start({
    handler: () => ({
      greeting: [WELCOME],
      onBytes: (bytes) => void got.push(decodeFrame(bytes)),
      onClose: () => undefined,
    }),
  });
  peer.sockets.options.autoPong = false;
  peer.sockets.on("connection", (socket) => {
    socket.on("ping", (data) => {
      pings++;
      if (answersPings) socket.pong(data);
    });
  });
  link = new ControlLink({
    ...peer.dialling("control"),
    clock: new ClockQuestions(
      () => 0,
      (sample) => void samples.push(sample),
    ),
    onOpen: () => undefined,
    onFrame: (frame) => void frames.push(frame),
    onDown: (...down) => void downs.push(down),
  });
  await vi.waitUntil(() => link.open, WAIT);
});

afterEach(async () => {
  link.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  await peer.close();
});

/** The next look at the peer, after so long. */
function look(afterMs: number): void {
  aheadMs += afterMs;
  vi.advanceTimersByTime(1000);
}

it("sends what gathers in a turn as one frame, in its order, and each turn anew", async () => {
  for (const logId of [1, 2, 1]) link.send(logId, Uint8Array.of(logId, got.length));
  await vi.waitUntil(() => got.some(({ kind }) => kind === "control"), WAIT);
  link.send(3, Uint8Array.of(3));
  const parcelsOf = (frame: Frame) =>
    frame.kind === "control" ? [frame.parcels.map(({ logId }) => logId)] : [];
  await vi.waitUntil(() => got.flatMap(parcelsOf).length === 2, WAIT);
  expect(got.flatMap(parcelsOf)).toEqual([[1, 2, 1], [3]]);
  expect(link.dropped).toBe(0);
});

it("counts what it drops: beyond its cap within a turn, and all of it when the peer is away", () => {
  const half = new Uint8Array(2 ** 19 + 1);
  for (let k = 0; k < 5; k++) link.send(1, half);
  expect(link.dropped).toBe(3);
  link.close();
  link.send(1, half);
  expect(link.dropped).toBe(4);
});

it("asks what time it is when it opens and with every ping, and keeps the answers to itself", async () => {
  const asked = () => got.filter(({ kind }) => kind === "askTime");
  await vi.waitUntil(() => asked().length === 1, WAIT);
  look(0);
  await vi.waitUntil(() => asked().length === 2 && pings === 1, WAIT);
  const [, last] = asked();
  if (last?.kind !== "askTime") throw new Error("no question");
  const { token } = last;
  peer.links[0]?.send(encodeFrame({ kind: "tellTime", token, wallTime: 5 }));
  peer.links[0]?.send(encodeFrame(CERTIFICATE));
  await vi.waitUntil(() => frames.length > 0, WAIT);
  expect(frames).toEqual([CERTIFICATE]);
  expect(samples).toHaveLength(1);
});

it("is dialled anew when no pong has come for five seconds, and says since when", async () => {
  answersPings = false;
  look(4000);
  await vi.waitUntil(() => pings === 1, WAIT);
  expect(downs).toEqual([]);
  look(1001);
  expect(downs).toMatchObject([[{ code: "ERR_LINK_SILENT" }, expect.any(Number)]]);
  expect(downs[0]?.[1]).toBeGreaterThanOrEqual(5001);
  await vi.waitUntil(() => peer.links.length === 2 && link.open, WAIT);
});

it("stays with a peer that answers, however long it has nothing else to say", async () => {
  for (let k = 1; k <= 4; k++) {
    look(4000);
    await vi.waitUntil(() => pings === k, WAIT);
    // A frame behind the pong: when it is here, the pong was.
    const before = frames.length;
    peer.links[0]?.send(encodeFrame(CERTIFICATE));
    await vi.waitUntil(() => frames.length > before, WAIT);
  }
  expect([downs, peer.links.length]).toEqual([[], 1]);
});
