import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Gauge } from "@annals/flow";
import { LINKS_MAX } from "../memory/constants.ts";
import { addressBlock } from "./addressBlock.ts";
import { endWithProblem, httpError } from "./problem.ts";

export interface ConnectionLimits {
  /** `http.maxConnections` */
  readonly max: number;
  /** `http.maxConnectionsPerAddress` */
  readonly maxPerAddress: number;
}

export type TurnedAway = "ERR_TOO_MANY_CONNECTIONS" | "ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS";

/** Connections that are told why they are closed; beyond, one is closed without a word. */
const GOODBYES_MAX = 64;

/**
 * Bounds HTTP connections, over all and per address: a further one is answered 503 and closed. One that becomes a link between nodes has
 * bounds of its own and counts no more.
 */
export function guardConnections(
  server: Server,
  limits: ConnectionLimits,
  open: Gauge,
  onTurnedAway: (code: TurnedAway) => void,
): void {
  const counted = new Map<Socket, string>();
  /** Never more entries than connections. */
  const byAddress = new Map<string, number>();
  const release = (socket: Socket): void => {
    const block = counted.get(socket);
    if (block === undefined) return;
    counted.delete(socket);
    open.remove(1);
    const left = (byAddress.get(block) ?? 1) - 1;
    if (left === 0) byAddress.delete(block);
    else byAddress.set(block, left);
  };
  server.maxConnections = limits.max + LINKS_MAX + GOODBYES_MAX;
  server.on("connection", (socket: Socket) => {
    const block = addressBlock(socket.remoteAddress ?? "");
    const ofAddress = byAddress.get(block) ?? 0;
    const code = refusal(limits, counted.size, ofAddress);
    if (code !== undefined) {
      onTurnedAway(code);
      turnAway(socket, code, limits);
      return;
    }
    counted.set(socket, block);
    byAddress.set(block, ofAddress + 1);
    open.add(1);
    socket.once("close", () => release(socket));
  });
  server.on("upgrade", (request) => release(request.socket));
}

function refusal(limits: ConnectionLimits, all: number, ofAddress: number): TurnedAway | undefined {
  if (all >= limits.max) return "ERR_TOO_MANY_CONNECTIONS";
  return ofAddress >= limits.maxPerAddress ? "ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS" : undefined;
}

function turnAway(socket: Socket, code: TurnedAway, limits: ConnectionLimits): void {
  const what =
    code === "ERR_TOO_MANY_CONNECTIONS"
      ? `${limits.max} connections are open, which is http.maxConnections`
      : `${limits.maxPerAddress} connections of this address are open, which is http.maxConnectionsPerAddress`;
  endWithProblem(socket, httpError(code, what, { retryable: true }));
}
