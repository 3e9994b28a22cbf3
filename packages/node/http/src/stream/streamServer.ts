import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { SUBSCRIPTIONS_MAX } from "@annals/config";
import type { Gauge } from "@annals/flow";
import { STREAM_PROTOCOLS } from "@annals/wire";
import type { StreamProtocol } from "@annals/wire";
import { WebSocketServer } from "ws";
import { httpError, refuseUpgrade } from "../problem.ts";
import { STREAM_PATH } from "../nodeRoutes.ts";
import { assertSameOrigin } from "../sameOrigin.ts";
import { PageBudget } from "./pageBudget.ts";
import { maxMessageBytes, StreamConnection } from "./streamConnection.ts";
import type { StreamContext } from "./streamContext.ts";

export interface StreamServerOptions
  extends Omit<StreamContext, "pages" | "subscriptions" | "pingMs"> {
  /** Connections at a time: `subscribe.maxStreams`. */
  readonly maxStreams: number;
  /** Bytes of pages over all streams: `subscribe.maxHeldBytes`. */
  readonly maxHeldBytes: number;
  /** Default 15 000. */
  readonly pingMs?: number;
}

const PING_MS = 15_000;

/** Accepts the connections of the client stream on the node's one port. */
export class StreamServer {
  readonly #sockets: WebSocketServer;
  readonly #context: StreamContext;
  readonly #open = new Set<StreamConnection>();
  readonly #streams: Gauge;
  #stopping = false;

  constructor(options: StreamServerOptions) {
    const { ledger } = options;
    this.#streams = ledger.family("streams").gauge(options.maxStreams);
    this.#context = {
      ...options,
      pages: new PageBudget(options.maxHeldBytes, ledger.family("subscription.pages")),
      subscriptions: ledger.family("subscriptions").gauge(SUBSCRIPTIONS_MAX),
      pingMs: options.pingMs ?? PING_MS,
    };
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: maxMessageBytes(options.maxBodyBytes),
      perMessageDeflate: false,
      autoPong: false,
      // Heads are checked here, bodies where they are parsed.
      skipUTF8Validation: true,
      handleProtocols: (offered) => protocolOf([...offered]) ?? false,
    });
  }

  /** Whether an upgrade is the stream's. */
  serves(request: IncomingMessage): boolean {
    return request.url === STREAM_PATH;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    let protocol: StreamProtocol;
    try {
      protocol = this.#admit(request);
    } catch (error) {
      refuseUpgrade(socket, error);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#streams.add(1);
      const connection = new StreamConnection(webSocket, socket, protocol, this.#context, () => {
        this.#streams.remove(1);
        this.#open.delete(connection);
      });
      this.#open.add(connection);
    });
  }

  /** Takes no further streams, ends the subscriptions, and answers the appends that are under way. */
  async close(graceMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#open].map((connection) => connection.stop(graceMs)));
    this.#sockets.close();
  }

  #admit({ headers }: IncomingMessage): StreamProtocol {
    assertSameOrigin(headers.origin, headers.host);
    const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
    const protocol = protocolOf(offered);
    if (protocol === undefined) {
      const known = STREAM_PROTOCOLS.join(" and ");
      throw httpError("ERR_STREAM_UPGRADE", `the subprotocols of the stream are ${known}`);
    }
    if (this.#stopping)
      throw httpError("ERR_NODE_STOPPING", "this node is shutting down", { retryable: true });
    const { current, cap } = this.#streams;
    if (current < cap) return protocol;
    throw httpError("ERR_OVERLOADED", `${current} streams are open, the cap is ${cap}`, {
      retryable: true,
    });
  }
}

function protocolOf(offered: readonly string[]): StreamProtocol | undefined {
  return STREAM_PROTOCOLS.find((known) => offered.includes(known));
}
