import type { Server } from "node:http";
import type { Socket } from "node:net";

/**
 * Every connection of a server, whatever it has become: its places bound them. Closing an HTTP server ends those that are idle between two
 * requests only. One that has sent no request, half of a head, or does not end its WebSocket would keep it for minutes.
 */
export class OpenSockets {
  readonly #sockets = new Set<Socket>();

  attach(server: Server): void {
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** At once. What is worth waiting for has been waited for before. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
