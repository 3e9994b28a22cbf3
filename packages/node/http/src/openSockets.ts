import type { Server } from "node:http";
import type { Socket } from "node:net";

/**
 * Every open connection of a server, WebSockets too; the caps on connections bound their number. To close an HTTP server ends only those
 * that are idle between two requests. One that has sent no request, half of a head, or does not end its WebSocket would keep it for
 * minutes.
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
