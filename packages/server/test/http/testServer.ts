import { Ledger } from "@annals/flow";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { createHttpServer } from "../../src/http/httpServer.ts";
import type { HttpServerOptions } from "../../src/http/httpServer.ts";
import { MemoryService } from "./memoryService.ts";

export interface TestServer {
  readonly service: MemoryService;
  readonly app: FastifyInstance;
  /** Upgraded connections that are open. */
  readonly sockets: ReadonlySet<Duplex>;
  readonly url: string;
  /** `host:port` */
  readonly address: string;
  readonly faults: unknown[];
  close(): Promise<void>;
}

/** A real HTTP server on a free port over a node in memory. */
export async function startTestServer(
  options: Partial<HttpServerOptions> = {},
  service: MemoryService = new MemoryService(),
): Promise<TestServer> {
  const faults: unknown[] = [];
  const { app, streams } = createHttpServer(service, {
    ledger: new Ledger(),
    node: "a",
    // No address: clients learn no leader, and stay with the URL that they were given.
    address: "",
    body: { maxBytes: 64 * 1024, maxDecodedBytes: 128 * 1024, maxRatio: 50 },
    maxHeldBodyBytes: 256 * 1024,
    maxHeldAnswerBytes: 64 << 20,
    maxBlobBytes: 1024 * 1024,
    blobChunkBytes: 1024,
    subscribe: {
      maxStreams: 8,
      maxUnacked: 1000,
      maxBufferedBytes: 64 * 1024,
      maxHeldBytes: 256 * 1024,
    },
    pageBytes: (length) => 3 * length,
    onFault: (error) => faults.push(error),
    ...options,
  });
  const sockets = new Set<Duplex>();
  app.server.on("upgrade", (request, socket, head) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    streams.upgrade(request, socket, head);
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const close = async (): Promise<void> => {
    await streams.close(1000);
    await app.close();
  };
  const { port } = app.server.address() as AddressInfo;
  const address = `127.0.0.1:${port}`;
  return { service, app, sockets, url: `http://${address}`, address, faults, close };
}
