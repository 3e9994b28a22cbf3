import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import { BoltConnection } from "./boltConnection.ts";
import type { BoltEngine } from "./boltEngine.ts";
import { BoltFaults } from "./boltFaults.ts";

export interface BoltServerOptions {
  /** Who may log on; anybody if absent. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Where writers are sent by `ROUTE`; this server if absent. */
  readonly leader?: () => string;
}

/** A server that speaks Bolt 5.4 before a Cypher engine, and does wrong what it is told to. */
export class BoltServer {
  readonly faults: BoltFaults = new BoltFaults();
  readonly #engine: BoltEngine;
  readonly #options: BoltServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #counts = new Map<string, number>();
  #opened = 0;

  private constructor(engine: BoltEngine, options: BoltServerOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#server = createServer((socket) => {
      this.#serve(socket);
    });
  }

  static async start(engine: BoltEngine, options: BoltServerOptions = {}): Promise<BoltServer> {
    const server = new BoltServer(engine, options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  /** Host and port. */
  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `127.0.0.1:${address.port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Requests of a kind so far. */
  requests(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #serve(socket: Socket): void {
    this.#opened += 1;
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
    });
    const { address } = this;
    new BoltConnection(socket, {
      engine: this.#engine,
      faults: this.faults,
      id: `bolt-${this.#opened}`,
      isAllowed: (user, password) => this.#isAllowed(user, password),
      addresses: () => ({ here: address, leader: this.#options.leader?.() ?? address }),
      onRequest: (kind) => {
        this.#counts.set(kind, this.requests(kind) + 1);
      },
    }).start();
  }

  #isAllowed(user: unknown, password: unknown): boolean {
    const { credentials } = this.#options;
    if (credentials === undefined) return true;
    return user === credentials.user && password === credentials.password;
  }
}
