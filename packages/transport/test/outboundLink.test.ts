/**
 * Goal: a link that is dialled never waits for a peer that has fallen silent. Method: a data link against a peer that takes the connection
 * and says nothing, or nothing any more.
 */
import { MemoryBlobs } from "@annals/testkit";
import { DataLink, Permits } from "@annals/transport";
import type { LinkFault } from "@annals/transport";
import { afterEach, expect, it, vi } from "vitest";
import { Loopback } from "./loopback.ts";

const WAIT = { timeout: 5000, interval: 5 };

let peer: Loopback;
let link: DataLink;

afterEach(async () => {
  link.close();
  await peer.close();
});

it("a peer that does not answer the hello is dialled anew", async () => {
  const faults: LinkFault[] = [];
  peer = await Loopback.start({
    handler: () => ({ greeting: [], onBytes: () => {}, onClose: () => {} }),
  });
  link = new DataLink({
    ...peer.dialling("data"),
    handshakeTimeoutMs: 50,
    maxQueuedBytes: 1000,
    maxQueuedMessages: 10,
    progressTimeoutMs: 60_000,
    blobs: new MemoryBlobs(),
    blobPermits: new Permits(1),
    onMessages: () => {},
    onLost: (fault) => void faults.push(fault),
  });
  await vi.waitUntil(() => peer.links.length >= 2, WAIT);
  expect(faults[0]).toEqual({ code: "ERR_LINK_SILENT", reason: "no welcome for 50 ms" });
});
