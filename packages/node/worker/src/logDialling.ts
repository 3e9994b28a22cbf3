import { randomInt } from "node:crypto";
import { Backoff } from "@annals/flow";
import { PEER_PATH } from "@annals/transport";
import type { OutboundLinkOptions } from "@annals/transport";
import type { PeerAddress, WorkerSetup } from "./lane/messages.ts";
import { peerHello } from "./peerHello.ts";

const HANDSHAKE_TIMEOUT_MS = 3000;
const REDIAL_INITIAL_MS = 50;

/** What links of one log to one peer have in common, whatever they are for. */
export function logDialling(
  setup: WorkerSetup,
  peer: PeerAddress,
  purpose: "data" | "repair",
  logId: number,
  redialMaxMs: number,
): Pick<
  OutboundLinkOptions,
  "url" | "hello" | "maxMessageBytes" | "handshakeTimeoutMs" | "backoff"
> {
  return {
    url: `ws://${peer.address}${PEER_PATH}`,
    hello: () => peerHello(setup, purpose, logId),
    maxMessageBytes: setup.config.replication.maxMessageBytes,
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    backoff: new Backoff({
      initialMs: REDIAL_INITIAL_MS,
      maxMs: redialMaxMs,
      randomBelow: randomInt,
    }),
  };
}
