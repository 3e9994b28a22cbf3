import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { PEER_PATH } from "@annals/transport";
import type { FastifyInstance } from "fastify";
import { httpError } from "./problem.ts";
import { STREAM_PATH } from "./nodeRoutes.ts";

/** Whether a request gets the protocol that it offers; every other offer is ignored, and the request answered as it is (RFC 9110 7.8). */
export function isUpgradeTaken({ headers, url }: IncomingMessage): boolean {
  const isWebSocket = headers.upgrade?.toLowerCase() === "websocket";
  return isWebSocket && (url === PEER_PATH || url === STREAM_PATH);
}

/**
 * Judges what a request wants of the transfer itself: a coding that is not `chunked` is refused by name, as is an expectation that is not
 * `100-continue`; and the body is asked for only when nothing in the head speaks against the request. To be called before routes are made.
 */
export function serveOffers(app: FastifyInstance): void {
  const waiting = new WeakSet<IncomingMessage>();
  const unmet = new WeakSet<IncomingMessage>();
  const { server }: { readonly server: Server } = app;
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    // Node looks for the word anywhere in the header.
    const isAlone = request.headers.expect?.trim().toLowerCase() === "100-continue";
    (isAlone ? waiting : unmet).add(request);
    server.emit("request", request, response);
  });
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    unmet.add(request);
    server.emit("request", request, response);
  });
  app.addHook("onRequest", async ({ raw }, reply) => {
    if (unmet.has(raw)) {
      void reply.header("connection", "close");
      throw httpError(
        "ERR_EXPECTATION_FAILED",
        'the only expectation that is met is "100-continue"',
      );
    }
    const coding = raw.headers["transfer-encoding"];
    if (coding === undefined || coding.trim().toLowerCase() === "chunked") return;
    void reply.header("connection", "close");
    throw unknownTransferCoding();
  });
  // After every `onRequest`, which is where a request is admitted, and before the body is read.
  app.addHook("preParsing", async ({ raw, is404, url }, reply) => {
    if (is404) throw routeNotFound(url);
    if (waiting.has(raw)) reply.raw.writeContinue();
  });
}

export function unknownTransferCoding(): Error {
  return httpError(
    "ERR_TRANSFER_ENCODING_UNSUPPORTED",
    "the only transfer coding is chunked; a compressed body says so in Content-Encoding",
  );
}

export function routeNotFound(url: string): Error {
  const [path = ""] = url.split("?", 1);
  return httpError("ERR_ROUTE_NOT_FOUND", `nothing is served under ${path}`);
}
