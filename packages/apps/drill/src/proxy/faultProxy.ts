import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Direction } from "./direction.ts";
import { Pipe } from "./pipe.ts";
import type { ProxyClock } from "./pipe.ts";

export interface ProxyOptions {
  readonly listenHost: string;
  readonly target: { readonly host: string; readonly port: number };
  /** The address from which the target is dialled; undefined leaves it to the system. */
  readonly sourceHost: string | undefined;
  /** From whoever dials to the target. */
  readonly there: Direction;
  readonly back: Direction;
  readonly clock: ProxyClock;
}

interface Connection {
  readonly near: Socket;
  far: Socket | undefined;
  readonly pipes: Pipe[];
}

/** Connections that one node keeps to another are few; more than this is a flood, of which the newest are refused. */
const CONNECTIONS_MAX = 1000;

/** A TCP proxy for the connections that one node dials to one other. Closing it cuts them all. */
export class FaultProxy {
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #unlisten: (() => void)[] = [];

  private constructor(options: ProxyOptions) {
    this.#options = options;
    // Half-open is what a pipe makes of an end on one side: the other side ends when its own bytes are through.
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) =>
      this.#accept(near),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
    const dialWaiting = (): void => {
      for (const connection of this.#connections) this.#dial(connection);
    };
    this.#unlisten.push(options.there.listen(dialWaiting), options.back.listen(dialWaiting));
  }

  static async start(options: ProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, options.listenHost, resolve);
    });
    // A connection that could not be accepted is one that its dialler lost.
    proxy.#server.on("error", () => undefined);
    return proxy;
  }

  /** Where to dial instead of the target: `host:port`. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Cuts every connection with RST on both sides; returns how many there were. */
  reset(): number {
    const cut = this.#connections.size;
    for (const connection of this.#connections) this.#cut(connection);
    return cut;
  }

  async close(): Promise<void> {
    for (const unlisten of this.#unlisten) unlisten();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    await closed;
  }

  #accept(near: Socket): void {
    const connection: Connection = { near, far: undefined, pipes: [] };
    this.#connections.add(connection);
    this.#watch(near, connection);
    this.#options.there.pass();
    this.#dial(connection);
  }

  /** While a direction is stalled no handshake gets through: whoever dialled waits, as for a SYN without an answer. */
  #dial(connection: Connection): void {
    const { target, sourceHost, there, back, clock } = this.#options;
    if (connection.far !== undefined || there.stalled || back.stalled) return;
    const far = connect({
      ...target,
      allowHalfOpen: true,
      ...(sourceHost === undefined ? {} : { localAddress: sourceHost }),
    });
    connection.far = far;
    this.#watch(far, connection);
    far.on("connect", () => {
      const { near } = connection;
      near.setNoDelay(true);
      far.setNoDelay(true);
      const lost = (): void => this.#cut(connection);
      connection.pipes.push(
        new Pipe(near, far, there, clock, lost),
        new Pipe(far, near, back, clock, lost),
      );
      near.resume();
    });
  }

  /** A socket that is gone takes its other side along, unless both have ended in peace. */
  #watch(socket: Socket, connection: Connection): void {
    socket.on("error", () => this.#cut(connection));
    socket.on("close", () => {
      const { near, far } = connection;
      if (near.closed && (far === undefined || far.closed)) this.#forget(connection);
      else if (!socket.readableEnded || !socket.writableFinished) this.#cut(connection);
    });
  }

  #cut(connection: Connection): void {
    this.#forget(connection);
    connection.near.resetAndDestroy();
    connection.far?.resetAndDestroy();
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    for (const pipe of connection.pipes) pipe.close();
  }
}
