import { lookup as resolveHost } from "node:dns/promises";
import { createServer, isIP } from "node:net";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Backoff } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { NodeAddress } from "@annals/config";

export interface ListenOptions {
  readonly address: NodeAddress;
  readonly logger: Logger;
  /** Ends the wait for a name that does not resolve. */
  readonly signal: AbortSignal;
  /** Every address of a host name; tests give one of their own. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
}

/** Between two questions for a name: a container's own name is known some seconds after its process has begun. */
const LOOKUP_FIRST_MS = 250;
const LOOKUP_MAX_MS = 5_000;

/** A name server that does not know the name yet, or cannot say now. */
const NOT_YET: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN", "ENODATA"]);
/** A host name may have addresses that this machine does not. */
const NOT_HERE: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/**
 * Listens on every address of the host. There is one HTTP server whatever the number of addresses, so its caps and timeouts hold for all of
 * them together: further listeners only hand it their connections. Resolves when all listen; rejects with the system's error.
 */
export async function listenOn(app: FastifyInstance, options: ListenOptions): Promise<void> {
  const { logger } = options;
  const { host, port } = options.address;
  const addresses = await addressesOf(host, options);
  const mainPort = await listenOnFirst(app, addresses, port);
  for (const address of addresses.slice(1)) {
    try {
      await listenToo(app, address, mainPort);
    } catch (error) {
      if (!NOT_HERE.has(codeOf(error))) throw error;
      logger.warn({ host, address }, "the host name has an address that is none of this machine's");
    }
  }
}

async function listenOnFirst(
  app: FastifyInstance,
  addresses: readonly string[],
  port: number,
): Promise<number> {
  await app.listen({ host: addresses[0] ?? "", port });
  const bound = app.server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}

/** A listener without parser, caps or timeouts of its own. */
async function listenToo(app: FastifyInstance, host: string, port: number): Promise<void> {
  // As an HTTP server makes its own sockets.
  const listener: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    app.server.emit("connection", socket),
  );
  app.server.once("close", () => listener.close());
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host, port }, () => {
      listener.off("error", reject);
      resolve();
    });
  });
  listener.on("error", (error) => app.server.emit("error", error));
}

/** At least one address, as `listen` takes it. Waits for a name that does not resolve yet. */
async function addressesOf(host: string, options: ListenOptions): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const { logger, signal, lookup = lookupAll } = options;
  const backoff = new Backoff({
    initialMs: LOOKUP_FIRST_MS,
    maxMs: LOOKUP_MAX_MS,
    randomBelow: (n) => Math.floor(Math.random() * n),
  });
  for (;;) {
    const found = await lookup(host).catch((error: unknown) => {
      if (NOT_YET.has(codeOf(error))) return codeOf(error);
      throw error;
    });
    if (typeof found !== "string" && found.length > 0) return [...new Set(found)];
    const retryMs = backoff.nextMs();
    logger.warn(
      { host, code: typeof found === "string" ? found : "ENODATA", retryMs },
      "the host name of this node does not resolve yet: asking again. If it never will, the key `listen` names an address of this machine",
    );
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted)
      throw new AnnalsError("ERR_NODE_STOPPING", "stopped before it listened", { retryable: true });
  }
}

async function lookupAll(host: string): Promise<readonly string[]> {
  return (await resolveHost(host, { all: true })).map(({ address }) => address);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
