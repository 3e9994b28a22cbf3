/**
 * Goal: what the control link says of a node reaches the data links to that node, and no others. Method: streams to two peers, which the
 * test plays and which say nothing after their welcome.
 */
import type { AddressInfo } from "node:net";
import { Ledger } from "@annals/flow";
import { MemoryBlobs, mustLoad } from "@annals/kit";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { MemberId, Message } from "@annals/raft";
import { Permits } from "@annals/transport";
import { decodeMessages, encodeFrame } from "@annals/wire";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import type { FromWorker } from "../src/lane/messages.ts";
import type { LinkReplies } from "../src/linkReplies.ts";
import { PeerStreams } from "../src/peerStreams.ts";

const WAIT = { timeout: 5000, interval: 5 };
const SELF = asMemberId(1);

interface Peer {
  readonly member: MemberId;
  readonly node: string;
  readonly server: WebSocketServer;
  connections: number;
}

let peers: readonly Peer[];
let streams: PeerStreams;
let lost: [MemberId, string][];
let toGateway: FromWorker[];
let congested: boolean;

async function play(node: string, member: MemberId): Promise<Peer> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const peer: Peer = { member, node, server, connections: 0 };
  server.on("connection", (socket) => {
    peer.connections++;
    const welcome = encodeFrame({ kind: "welcome", clusterId: "x", node, member });
    socket.once("message", () => socket.send(welcome));
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return peer;
}

function append(to: MemberId): Message {
  return {
    kind: "appendEntries",
    from: SELF,
    to,
    term: asTerm(1),
    prevLogIndex: asIndex(0),
    prevLogTerm: asTerm(0),
    leaderCommit: asIndex(0),
    entries: [],
  };
}

beforeEach(async () => {
  [lost, toGateway, congested] = [[], [], false];
  peers = await Promise.all([play("b", asMemberId(2)), play("c", asMemberId(3))]);
  streams = new PeerStreams({
    logId: 1,
    setup: {
      config: mustLoad({ text: "data: /tmp/annals\n" }),
      clusterId: "x",
      fingerprint: "f",
      self: SELF,
      isolated: false,
      heapBytes: 64 << 20,
    },
    members: () =>
      peers.map(({ node, member, server }) => ({
        node,
        member,
        address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      })),
    blobs: new MemoryBlobs(),
    blobPermits: new Permits(1),
    ledger: new Ledger(),
    sendToGateway: (message) => void toGateway.push(message),
    congested: () => congested,
    onMessages: () => undefined,
    onBlobHeld: () => {},
    onLost: (member, { code }) => void lost.push([member, code]),
  });
  for (const { member } of peers) streams.send(member, [append(member)]);
});

afterEach(async () => {
  streams.close();
  for (const { server } of peers) {
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  }
});

it("dials the links of a silent node anew", async () => {
  await vi.waitUntil(() => {
    // Only an open link is dropped: before, there is nothing that could have fallen silent.
    streams.peerChanged("b", { kind: "silent", silentMs: 0 });
    return lost.length > 0;
  }, WAIT);
  await vi.waitUntil(() => peers[0]?.connections === 2, WAIT);
  expect(lost).toEqual([[2, "ERR_LINK_SILENT"]]);
  streams.peerChanged("b", { kind: "back" });
  expect(peers.map(({ connections }) => connections)).toEqual([2, 1]);
});

describe("what goes which way", () => {
  const to = asMemberId(2);
  const common = { from: SELF, to, term: asTerm(1) } as const;
  const acknowledged: Message = {
    ...common,
    kind: "appendEntriesResponse",
    index: asIndex(3),
    rejected: false,
    hintIndex: asIndex(0),
    hintTerm: asTerm(0),
  };
  const vote: Message = {
    ...common,
    kind: "requestVoteResponse",
    rejected: false,
    committed: { index: asIndex(0), term: asTerm(0) },
  };
  const kindsSent = (): readonly (readonly string[])[] =>
    toGateway.map((one) =>
      one.kind === "control" ? decodeMessages(one.bytes).map(({ kind }) => kind) : [one.kind],
    );

  it("acknowledgements go back over the link that brought the entries, and nothing else does", () => {
    const acks: Message[] = [];
    const acknowledge = (some: readonly Message[]): void => void acks.push(...some);
    streams.upstreamOpened(to, { acknowledge } as LinkReplies);
    streams.send(to, [acknowledged]);
    expect([acks, toGateway]).toEqual([[acknowledged], []]);
    streams.send(to, [vote]);
    expect(acks).toHaveLength(1);
    expect(kindsSent()).toEqual([["requestVoteResponse"]]);
  });

  it("the newest link wins, and one that it has replaced takes nothing with it when it ends", () => {
    const acks: [string, number][] = [];
    const linkOf = (name: string): LinkReplies =>
      ({
        acknowledge: (some: readonly Message[]) => void acks.push([name, some.length]),
      }) as LinkReplies;
    const [old, fresh] = [linkOf("old"), linkOf("fresh")];
    streams.upstreamOpened(to, old);
    streams.upstreamOpened(to, fresh);
    streams.upstreamClosed(to, old);
    streams.send(to, [acknowledged]);
    expect([acks, toGateway]).toEqual([[["fresh", 1]], []]);
    streams.upstreamClosed(to, fresh);
    streams.send(to, [acknowledged]);
    expect([acks.length, kindsSent()]).toEqual([1, [["appendEntriesResponse"]]]);
  });

  it("without such a link they go with the rest, in one message a turn", () => {
    streams.send(to, [acknowledged, vote]);
    expect(kindsSent()).toEqual([["requestVoteResponse", "appendEntriesResponse"]]);
  });

  it("entries go over data links only, also when nothing else may go", () => {
    congested = true;
    streams.send(to, [vote, append(to)]);
    expect(toGateway).toEqual([]);
  });
});
