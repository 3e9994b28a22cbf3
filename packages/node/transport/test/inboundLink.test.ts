/**
 * Goal: whoever dials in says who it is in time, in frames, and is told why it is let go. Method: raw WebSockets to an accepting side whose
 * handler the test plays.
 */
import { once } from "node:events";
import { AnnalsError } from "@annals/record";
import { decodeFrame, encodeFrame } from "@annals/wire";
import type { Frame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import type { LinkFault } from "../src/protocol.ts";
import { hello, Loopback, WELCOME } from "./loopback.ts";

const WAIT = { timeout: 20_000, interval: 5 };
const HELLO = encodeFrame({ kind: "hello", epoch: 7, ...hello("control", 1024) });

let peer: Loopback;
let faults: LinkFault[];
let got: Uint8Array[];
let refusal: AnnalsError | undefined;
let client: WebSocket;
let answers: Frame[];

beforeEach(() => {
  [faults, got, answers, refusal] = [[], [], [], undefined];
});

afterEach(async () => {
  client.terminate();
  await peer.close();
});

async function dial(helloTimeoutMs = 60_000): Promise<void> {
  const onFault = (fault: LinkFault) => void faults.push(fault);
  peer = await Loopback.start({
    helloTimeoutMs,
    handler: () => {
      if (refusal !== undefined) throw refusal;
      return { greeting: [WELCOME], onBytes: (bytes) => void got.push(bytes), onClose: onFault };
    },
    onFault,
  });
  client = new WebSocket(peer.url);
  client.on("error", () => undefined);
  client.on("message", (data: Buffer) => void answers.push(decodeFrame(new Uint8Array(data))));
  await once(client, "open");
}

const closed = (): Promise<string> =>
  once(client, "close").then(([, reason]: unknown[]) => String(reason));

it("refuses a stranger that says nothing in time, by name", async () => {
  await dial(20);
  expect(await closed()).toBe("ERR_HELLO_TIMEOUT");
  expect(answers).toMatchObject([{ kind: "refuse", code: "ERR_HELLO_TIMEOUT" }]);
  expect(faults).toMatchObject([{ code: "ERR_HELLO_TIMEOUT" }]);
});

it("lets a peer that has said who it is be silent as long as it likes", async () => {
  await dial(50);
  client.send(HELLO);
  await vi.waitUntil(() => answers.length === 1, WAIT);
  // Begun later than the time for the hello, and as long.
  await once(AbortSignal.timeout(50), "abort");
  client.send(Uint8Array.of(1, 2, 3));
  await vi.waitUntil(() => got.length === 1, WAIT);
  expect([answers, faults]).toEqual([[WELCOME], []]);
});

it("tells a peer that is refused why, and its handler hears of nothing", async () => {
  refusal = new AnnalsError("ERR_PEER_CLUSTER", "another cluster");
  await dial();
  const end = closed();
  client.send(HELLO);
  expect(await end).toBe("ERR_PEER_CLUSTER");
  expect(answers).toEqual([
    { kind: "refuse", code: "ERR_PEER_CLUSTER", reason: "another cluster" },
  ]);
  expect([got, faults]).toMatchObject([[], [{ code: "ERR_PEER_CLUSTER" }]]);
});

it.each([
  ["text", "hello", "ERR_FRAME_MALFORMED"],
  ["other frame", encodeFrame(WELCOME), "ERR_FRAME_UNEXPECTED"],
])("takes no %s for a hello", async (_what, first, code) => {
  await dial();
  const end = closed();
  client.send(first);
  expect(await end).toBe(code);
  expect([got, faults.map((fault) => fault.code)]).toEqual([[], [code]]);
});

it("says how a link has ended, once", async () => {
  await dial();
  client.send(HELLO);
  await vi.waitUntil(() => answers.length === 1, WAIT);
  client.close(1000);
  await vi.waitUntil(() => faults.length > 0, WAIT);
  expect(faults).toEqual([{ code: "ERR_LINK_CLOSED", reason: "closed with 1000" }]);
  peer.links[0]?.close({ code: "ERR_NODE_STOPPING", reason: "end" });
  expect(faults).toHaveLength(1);
});

it("names what the protocol of WebSockets forbids", async () => {
  await dial();
  client.send(HELLO);
  await vi.waitUntil(() => answers.length === 1, WAIT);
  // An opcode that nobody has defined.
  peer.connections[0]?.emit("data", Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
  await vi.waitUntil(() => faults.length > 0, WAIT);
  expect(faults).toMatchObject([{ code: expect.stringMatching(/^ERR_/) }]);
});
