import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Ledger } from "@annals/flow";
import { createHttpServer, IngestDesk } from "@annals/http";
import type { HttpServerOptions } from "@annals/http";
import { processFigures } from "@annals/node";
import type { FastifyInstance } from "fastify";
import { MemoryService } from "./memoryService.ts";

const BODY: HttpServerOptions["body"] = {
  maxBytes: 64 * 1024,
  maxDecodedBytes: 128 * 1024,
  maxRatio: 50,
  minRate: 1,
  graceMs: 5_000,
  timeoutMs: 30_000,
};

/** Nobody meets them who does not want to. */
export const LIMITS: HttpServerOptions["connections"] = {
  max: 1024,
  maxPerAddress: 512,
  maxUndecided: 256,
  maxPerNode: 256,
  maxOperator: 32,
};

export interface TestServer {
  readonly service: MemoryService;
  readonly app: FastifyInstance;
  /** Upgraded connections that are open. */
  readonly sockets: ReadonlySet<Duplex>;
  readonly desk: IngestDesk;
  readonly url: string;
  /** `host:port` */
  readonly address: string;
  readonly faults: unknown[];
  close(): Promise<void>;
}

/** Budgets of a test's server, in bytes. */
export interface TestBudgets {
  readonly maxLogBytes?: number;
  readonly maxNodeBytes?: number;
}

/** A real HTTP server on a free port over a node in memory. */
export async function startTestServer(
  {
    maxLogBytes,
    maxNodeBytes,
    body,
    listen = (app) => app.listen({ host: "127.0.0.1", port: 0 }),
    ...options
  }: Partial<Omit<HttpServerOptions, "body">> &
    TestBudgets & {
      readonly body?: Partial<HttpServerOptions["body"]>;
      readonly listen?: (app: FastifyInstance) => Promise<unknown>;
    } = {},
  service: MemoryService = new MemoryService(),
): Promise<TestServer> {
  const faults: unknown[] = [];
  const ledger = options.ledger ?? new Ledger();
  const desk = new IngestDesk({
    maxLogBytes: maxLogBytes ?? 256 * 1024,
    maxNodeBytes: maxNodeBytes ?? 256 * 1024,
    maxRequests: 1024,
    ledger,
    now: () => performance.now(),
  });
  const { app, streams } = createHttpServer(service, {
    ledger,
    desk,
    node: "a",
    // No address: clients learn no leader, and stay with the URL that they were given.
    address: "",
    body: { ...BODY, ...body },
    processFigures,
    connections: LIMITS,
    peers: ["b", "c"],
    headersTimeoutMs: 5_000,
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
  await listen(app);
  const { port } = app.server.address() as AddressInfo;
  const address = `127.0.0.1:${port}`;
  return {
    service,
    app,
    desk,
    url: `http://${address}`,
    address,
    faults,
    sockets,
    close: async () => {
      await streams.close(1000);
      await app.close();
    },
  };
}
