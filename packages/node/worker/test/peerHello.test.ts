/** Goal: what a node says of itself when it dials is its own configuration and identity, whatever the link is for. */
import { mustLoad } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import { PROTOCOL_VERSION } from "@annals/wire";
import { expect, it } from "vitest";
import { peerHello } from "../src/peerHello.ts";

const config = mustLoad({
  text: 'cluster: prod\nnodes: { a: "127.0.0.1:1", b: "127.0.0.1:2" }\ndata: /d\n',
  node: "b",
});
const caller = { config, clusterId: "c-1", self: asMemberId(7), fingerprint: "f" };

it.each([
  ["control", undefined],
  ["data", 5],
  ["repair", 5],
] as const)("over a %s link", (purpose, logId) => {
  expect(peerHello(caller, purpose, logId)).toEqual({
    protocol: PROTOCOL_VERSION,
    cluster: "prod",
    clusterId: "c-1",
    node: "b",
    member: 7,
    address: "127.0.0.1:2",
    fingerprint: "f",
    purpose,
    logId,
    limits: { maxMessageBytes: config.replication.maxMessageBytes },
  });
  expect(peerHello({ ...caller, clusterId: undefined }, purpose, logId).clusterId).toBeUndefined();
});
