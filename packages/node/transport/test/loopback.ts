import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Backoff } from "@annals/flow";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import type { Frame, HelloFrame, LinkEnds } from "@annals/wire";
import { WebSocketServer } from "ws";
import { InboundLink } from "../src/inboundLink.ts";
import { PEER_PATH } from "../src/protocol.ts";
import type { InboundHandler } from "../src/inboundLink.ts";
import type { LinkFault } from "../src/protocol.ts";

/** What the accepting side of these tests greets with. */
export const WELCOME: Frame = {
  kind: "welcome",
  clusterId: "x",
  node: "b",
  member: asMemberId(2),
};

/** Member 1 streams to member 2. */
export const ENDS: LinkEnds = {
  place: "data:dialler",
  from: asMemberId(1),
  to: asMemberId(2),
};

/** What the dialling side says of itself. */
export function hello(
  purpose: HelloFrame["purpose"],
  maxMessageBytes: number,
): Omit<HelloFrame, "kind" | "epoch"> {
  return {
    protocol: 1,
    cluster: "test",
    clusterId: "x",
    node: "a",
    member: asMemberId(1),
    address: "127.0.0.1:1",
    fingerprint: "f",
    purpose,
    logId: purpose === "control" ? undefined : 1,
    limits: { maxMessageBytes },
  };
}

/** An AppendEntries of consecutive entries, which differ in nothing but their index. */
export function append(index: number, entryBytes = 10, entries = 1): Message {
  return {
    kind: "appendEntries",
    from: asMemberId(1),
    to: asMemberId(2),
    term: asTerm(1),
    prevLogIndex: asIndex(index - 1),
    prevLogTerm: asTerm(1),
    leaderCommit: asIndex(0),
    entries: Array.from({ length: entries }, (_, k) => ({
      index: asIndex(index + k),
      term: asTerm(1),
      kind: "records" as const,
      data: new Uint8Array(entryBytes),
    })),
  };
}

export interface LoopbackOptions {
  readonly maxMessageBytes?: number;
  readonly maxQueueBytes?: number;
  readonly helloTimeoutMs?: number;
  /** Takes what a peer sends; throws to refuse it. */
  readonly handler: (link: InboundLink, hello: HelloFrame) => InboundHandler;
  /** Of links whose peer never became one. */
  readonly onFault?: (fault: LinkFault) => void;
}

/** The accepting side of links on a real loopback socket: every connection becomes a link, whose handler the test plays. */
export class Loopback {
  readonly sockets: WebSocketServer;
  /** In the order in which they came. */
  readonly links: InboundLink[] = [];
  /** The connections of the links. */
  readonly connections: Socket[] = [];
  readonly #server: Server;
  readonly #maxMessageBytes: number;

  private constructor(options: LoopbackOptions) {
    const { handler, onFault } = options;
    this.#maxMessageBytes = options.maxMessageBytes ?? 256 * 1024;
    this.#server = createServer();
    const { maxQueueBytes = 1024 * 1024, helloTimeoutMs = 5000 } = options;
    this.sockets = new WebSocketServer({ server: this.#server, maxPayload: this.#maxMessageBytes });
    this.sockets.on("connection", (socket, { socket: connection }) => {
      const link: InboundLink = new InboundLink({
        socket,
        connection,
        helloTimeoutMs,
        maxQueueBytes,
        onHello: (frame) => handler(link, frame),
        onFault: (fault) => onFault?.(fault),
      });
      this.links.push(link);
      this.connections.push(connection);
    });
  }

  static async start(options: LoopbackOptions): Promise<Loopback> {
    const loopback = new Loopback(options);
    await new Promise<void>((resolve) => loopback.#server.listen(0, "127.0.0.1", resolve));
    return loopback;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}${PEER_PATH}`;
  }

  /** What every kind of link that dials here has in common. */
  dialling(purpose: HelloFrame["purpose"]): {
    readonly url: string;
    readonly hello: () => Omit<HelloFrame, "kind" | "epoch">;
    readonly maxMessageBytes: number;
    readonly handshakeTimeoutMs: number;
    readonly backoff: Backoff;
  } {
    return {
      url: this.url,
      hello: () => hello(purpose, this.#maxMessageBytes),
      maxMessageBytes: this.#maxMessageBytes,
      handshakeTimeoutMs: 5000,
      backoff: new Backoff({ initialMs: 1, maxMs: 10, randomBelow: () => 0 }),
    };
  }

  async close(): Promise<void> {
    const fault = { code: "ERR_NODE_STOPPING", reason: "end of the test" };
    for (const link of this.links) link.close(fault);
    for (const connection of this.connections) connection.destroy();
    this.sockets.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
