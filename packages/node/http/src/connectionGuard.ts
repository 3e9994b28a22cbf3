import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Gauge, Ledger } from "@annals/flow";
import type { AnnalsError } from "@annals/record";
import { GOODBYES_MAX } from "@annals/config";
import { addressBlock } from "./addressBlock.ts";
import { endWithProblem, GOODBYE_MS, httpError } from "./problem.ts";
import { requesterOf } from "./requester.ts";
import { UndecidedConnections } from "./undecidedConnections.ts";

export interface ConnectionLimits {
  /** Connections of clients: `http.maxConnections`. */
  readonly max: number;
  /** Those of one address: `http.maxConnectionsPerAddress`. */
  readonly maxPerAddress: number;
  /** Connections that have not sent a head yet. */
  readonly maxUndecided: number;
  /** Connections over which one other node passes requests on. */
  readonly maxPerNode: number;
  /** Connections of probes beyond the places of clients. */
  readonly maxOperator: number;
}

export type TurnedAway = "ERR_TOO_MANY_CONNECTIONS" | "ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS";

export interface ConnectionGuardOptions {
  readonly limits: ConnectionLimits;
  /** Ids of the other nodes. */
  readonly peers: readonly string[];
  readonly ledger: Ledger;
  /** A connection was closed before anybody knew what it wanted. */
  readonly onTurnedAway: (code: TurnedAway) => void;
}

/** Where a connection counts. */
type Place =
  | { readonly kind: "undecided" | "client" | "operator" | "leaving" }
  | { readonly kind: "node"; readonly node: string };

interface Connection {
  readonly block: string;
  place: Place;
}

/**
 * Bounds HTTP connections by who is at the other end, which only the head of the first request shows. Clients have a cap over all and one
 * per address. Requests that nodes pass on, and probes, have places of their own, so clients cannot take the cluster's or the operator's.
 * A connection that becomes a WebSocket has bounds of its own and counts no more.
 */
export class ConnectionGuard {
  readonly #limits: ConnectionLimits;
  readonly #peers: ReadonlySet<string>;
  readonly #onTurnedAway: (code: TurnedAway) => void;
  readonly #connections = new Map<Socket, Connection>();
  readonly #undecided: UndecidedConnections;
  readonly #clients: Gauge;
  /** Clients; never more entries than connections. */
  readonly #byAddress = new Map<string, number>();
  readonly #nodes: ReadonlyMap<string, Gauge>;
  readonly #operator: Gauge;
  /** The oldest first. */
  readonly #probes = new Set<Socket>();
  #leaving = 0;

  constructor({ limits, peers, ledger, onTurnedAway }: ConnectionGuardOptions) {
    const { max, maxUndecided, maxPerNode, maxOperator } = limits;
    this.#limits = limits;
    this.#peers = new Set(peers);
    this.#onTurnedAway = onTurnedAway;
    const gauge = (name: string, cap: number): Gauge => ledger.family(name).gauge(cap);
    this.#undecided = new UndecidedConnections(gauge("connections.undecided", maxUndecided));
    this.#clients = gauge("connections", max);
    this.#nodes = new Map(peers.map((node) => [node, gauge("connections.nodes", maxPerNode)]));
    this.#operator = gauge("connections.operator", maxOperator);
  }

  /** Counts the connections of a server from now on. */
  attach(server: Server): void {
    server.on("connection", (socket: Socket) => this.#accept(socket));
    server.on("upgrade", ({ socket }: IncomingMessage) => this.#forget(socket));
  }

  /** Gives the request's connection its place, or says why it gets none; it is closed soon then. */
  judge(request: IncomingMessage): AnnalsError | undefined {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    // The client has gone, or its place was settled by an earlier request.
    if (connection === undefined) return undefined;
    const { kind } = connection.place;
    if (kind === "client" || kind === "node") return undefined;
    if (kind === "leaving") return turnedAway("ERR_TOO_MANY_CONNECTIONS", this.#limits);
    const code = this.#settle(socket, connection, request);
    if (code === undefined) return undefined;
    this.#leave(socket, connection);
    return turnedAway(code, this.#limits);
  }

  /** Whether the connection has a place for one answer only. */
  isPassing({ socket }: IncomingMessage): boolean {
    return this.#connections.get(socket)?.place.kind === "operator";
  }

  #accept(socket: Socket): void {
    const connection: Connection = {
      block: addressBlock(socket.remoteAddress ?? ""),
      place: { kind: "undecided" },
    };
    this.#connections.set(socket, connection);
    socket.once("close", () => this.#forget(socket));
    const evicted = this.#undecided.add(socket, connection.block);
    if (evicted !== undefined) this.#evict(evicted);
  }

  #settle(
    socket: Socket,
    connection: Connection,
    request: IncomingMessage,
  ): TurnedAway | undefined {
    const requester = requesterOf(request, this.#peers);
    if (requester.kind === "node" && this.#takeForNode(socket, connection, requester.node))
      return undefined;
    const code = this.#clientRefusal(connection.block);
    if (code === undefined) this.#takeForClient(socket, connection);
    else if (requester.kind !== "operator") return code;
    else if (connection.place.kind !== "operator") this.#takeForOperator(socket, connection);
    return undefined;
  }

  #takeForNode(socket: Socket, connection: Connection, node: string): boolean {
    const places = this.#nodes.get(node);
    if (places === undefined || places.current >= places.cap) return false;
    this.#release(socket, connection);
    connection.place = { kind: "node", node };
    places.add(1);
    return true;
  }

  #clientRefusal(block: string): TurnedAway | undefined {
    if (this.#clients.current >= this.#limits.max) return "ERR_TOO_MANY_CONNECTIONS";
    const ofAddress = this.#byAddress.get(block) ?? 0;
    if (ofAddress >= this.#limits.maxPerAddress) return "ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS";
    return undefined;
  }

  #takeForClient(socket: Socket, connection: Connection): void {
    this.#release(socket, connection);
    connection.place = { kind: "client" };
    this.#clients.add(1);
    this.#byAddress.set(connection.block, (this.#byAddress.get(connection.block) ?? 0) + 1);
  }

  /** Answers are short, so the oldest one that is still here does not read its own. */
  #takeForOperator(socket: Socket, connection: Connection): void {
    const [oldest] = this.#probes;
    if (this.#operator.current >= this.#operator.cap && oldest !== undefined) {
      this.#forget(oldest);
      oldest.destroy();
    }
    this.#release(socket, connection);
    connection.place = { kind: "operator" };
    this.#probes.add(socket);
    this.#operator.add(1);
  }

  #evict(socket: Socket): void {
    const code = "ERR_TOO_MANY_CONNECTIONS";
    this.#onTurnedAway(code);
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    if (!this.#leave(socket, connection)) return;
    const text = `${this.#limits.maxUndecided} connections have not sent the head of a request, and this one was the oldest`;
    endWithProblem(socket, httpError(code, text, { retryable: true }));
  }

  /** Whether there is time for a word; else it is closed at once. */
  #leave(socket: Socket, connection: Connection): boolean {
    this.#release(socket, connection);
    if (this.#leaving >= GOODBYES_MAX) {
      this.#connections.delete(socket);
      socket.destroy();
      return false;
    }
    connection.place = { kind: "leaving" };
    this.#leaving += 1;
    const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
    socket.once("close", () => clearTimeout(timer));
    return true;
  }

  #forget(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.delete(socket);
    this.#release(socket, connection);
  }

  #release(socket: Socket, { block, place }: Connection): void {
    if (place.kind === "undecided") this.#undecided.remove(socket, block);
    else if (place.kind === "node") this.#nodes.get(place.node)?.remove(1);
    else if (place.kind === "leaving") this.#leaving -= 1;
    else if (place.kind === "operator") {
      this.#probes.delete(socket);
      this.#operator.remove(1);
    } else {
      this.#clients.remove(1);
      const left = (this.#byAddress.get(block) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(block);
      else this.#byAddress.set(block, left);
    }
  }
}

function turnedAway(code: TurnedAway, { max, maxPerAddress }: ConnectionLimits): AnnalsError {
  const text =
    code === "ERR_TOO_MANY_CONNECTIONS"
      ? `${max} connections of clients are open, which is http.maxConnections`
      : `${maxPerAddress} connections of this address are open, which is http.maxConnectionsPerAddress`;
  return httpError(code, text, { retryable: true });
}
