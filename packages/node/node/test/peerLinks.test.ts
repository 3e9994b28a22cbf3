/**
 * Goal: whatever a peer sends, the link closes with a named reason in the log, both sides know it, and the node lives on.
 * Method: a real node, and a raw WebSocket that plays the peer.
 */
import { fingerprint, HANDSHAKES_MAX } from "@annals/config";
import { startTestNode, stopTestNode, until, untilReady } from "@annals/fake-server";
import type { TestNode } from "@annals/fake-server";
import { FRAMING_BYTES } from "@annals/flow";
import { asMemberId } from "@annals/raft";
import { PEER_PATH } from "@annals/transport";
import { decodeFrame, encodeFrame, PROTOCOL_VERSION } from "@annals/wire";
import type { HelloFrame } from "@annals/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

let test: TestNode;

beforeAll(async () => {
  test = await startTestNode("replication: { maxMessageBytes: 5MiB }\n");
  await untilReady(test.node);
}, 20_000);

afterAll(async () => stopTestNode(test));

function hello(change: Partial<HelloFrame> = {}): Uint8Array {
  return encodeFrame({
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    cluster: "test",
    clusterId: undefined,
    node: "b",
    member: asMemberId(7),
    address: "127.0.0.1:1",
    fingerprint: fingerprint(test.config),
    purpose: "control",
    logId: undefined,
    epoch: 1,
    limits: { maxMessageBytes: 8 * 1024 * 1024 },
    ...change,
  });
}

/** Sends one message on a fresh link; returns the refusal frame, if any, and the reason of the close. */
async function play(
  bytes: Uint8Array | string,
): Promise<{ refusal: string | undefined; reason: string }> {
  const socket = new WebSocket(`${test.node.url.replace("http", "ws")}${PEER_PATH}`);
  let refusal: string | undefined;
  socket.on("message", (data: Buffer) => {
    const frame = decodeFrame(new Uint8Array(data));
    if (frame.kind === "refuse") refusal = frame.code;
  });
  socket.on("open", () => socket.send(bytes));
  const reason = await new Promise<string>((resolve, reject) => {
    socket.on("close", (_code, text) => resolve(text.toString()));
    socket.on("error", reject);
  });
  return { refusal, reason };
}

async function logged(code: string): Promise<Readonly<Record<string, unknown>>> {
  return until(() => test.lines.find((line) => line["code"] === code));
}

async function alive(): Promise<boolean> {
  return (await fetch(`${test.node.url}/healthz`)).ok;
}

describe("a peer is refused by name", () => {
  const strangers: readonly [string, () => Uint8Array, string][] = [
    ["of another protocol version", () => hello({ protocol: 99 }), "ERR_PEER_PROTOCOL"],
    ["of another cluster", () => hello({ cluster: "other" }), "ERR_PEER_CLUSTER"],
    ["that no configuration names", () => hello(), "ERR_PEER_UNKNOWN"],
    ["that claims to be this node", () => hello({ node: "a" }), "ERR_PEER_UNKNOWN"],
  ];
  for (const [who, bytes, code] of strangers) {
    it(who, async () => {
      expect(await play(bytes())).toEqual({ refusal: code, reason: code });
      expect(await logged(code)).toMatchObject({ level: 40, msg: "peer link ended" });
      expect(await alive()).toBe(true);
    });
  }
});

describe("a frame closes its link", () => {
  const frames: readonly [string, () => Uint8Array | string, string][] = [
    ["that does not parse", () => Uint8Array.of(1, 0xc1, 0xc1), "ERR_WIRE_TYPE"],
    ["of another layout version", () => Uint8Array.of(77, 0x90), "ERR_WIRE_VERSION"],
    ["of text", () => "hello", "ERR_FRAME_MALFORMED"],
    [
      "that is no hello",
      () => encodeFrame({ kind: "grant", entries: 1, bytes: 1 }),
      "ERR_FRAME_UNEXPECTED",
    ],
  ];
  for (const [what, bytes, code] of frames) {
    it(what, async () => {
      expect((await play(bytes())).reason).toBe(code);
      await logged(code);
      expect(await alive()).toBe(true);
    });
  }

  it("that is too large", async () => {
    await play(new Uint8Array(5 * 1024 * 1024 + FRAMING_BYTES)).catch(() => undefined);
    expect(await logged("ERR_FRAME_TOO_LARGE")).toMatchObject({
      reason: expect.stringContaining("maxMessageBytes"),
    });
    expect(await alive()).toBe(true);
  });
});

it("refuses connections beyond the cap on handshakes, and takes them again afterwards", async () => {
  const address = `${test.node.url.replace("http", "ws")}${PEER_PATH}`;
  const open = (): Promise<WebSocket | string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(address);
      socket.on("open", () => resolve(socket));
      socket.on("error", (error) => resolve(error.message));
    });
  const silent = await Promise.all(Array.from({ length: HANDSHAKES_MAX }, open));
  expect(silent.filter((one) => typeof one === "string")).toEqual([]);
  expect(await open()).toContain("503");
  for (const one of silent) if (typeof one !== "string") one.terminate();
  const again = await until(async () => {
    const one = await open();
    return typeof one === "string" ? undefined : one;
  });
  again.terminate();
});

it("shows in the status how often links ended for which reason", async () => {
  const response = await fetch(`${test.node.url}/v1/cluster`);
  const status = (await response.json()) as { linkFaults: Record<string, number> };
  expect(status.linkFaults["ERR_PEER_PROTOCOL"]).toBeGreaterThan(0);
});
