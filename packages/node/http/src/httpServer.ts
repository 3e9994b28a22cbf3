import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { PATH_PART_CHARACTERS_MAX } from "@annals/api";
import { SMALL_BODY_BYTES_MAX } from "@annals/config";
import type { SubscribeSettings } from "@annals/config";
import type { Ledger } from "@annals/flow";
import type { AnnalsError } from "@annals/record";
import { letGo } from "@annals/wire";
import fastify from "fastify";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { IngestDesk } from "./ingest/ingestDesk.ts";
import { RefusalPace } from "./ingest/refusalPace.ts";
import { EventLoopDelay } from "./eventLoopDelay.ts";
import type { NodeService } from "./service.ts";
import { Admission } from "./admission.ts";
import { AppendService } from "./appendService.ts";
import { ByteBudget } from "./byteBudget.ts";
import { ConnectionGuard } from "./connectionGuard.ts";
import type { ConnectionLimits, TurnedAway } from "./connectionGuard.ts";
import { Forwarder } from "./forwarder.ts";
import { hopped } from "./leaderTarget.ts";
import { isUpgradeTaken, routeNotFound, serveOffers, unknownTransferCoding } from "./offers.ts";
import { endWithProblem, httpError, problemOf, sendProblem, waits } from "./problem.ts";
import { bodyTooLarge } from "./receiveBody.ts";
import type { BodyLimits } from "./receiveBody.ts";
import { pathParameter } from "./routePath.ts";
import { StreamServer } from "./stream/streamServer.ts";
import { isAppend } from "./recordRoutes.ts";
import { apiRoutes } from "./routes.ts";
import type { ProcessFigures } from "./metrics/metric.ts";
import type { Route } from "./route.ts";

export interface HttpServerOptions {
  /** The gauges of the main thread. */
  readonly ledger: Ledger;
  /** Id of this node; named in the hop header of forwarded requests. */
  readonly node: string;
  /** `host:port` under which other nodes and clients reach this node. */
  readonly address: string;
  /** Where appends are taken in. */
  readonly desk: IngestDesk;
  /** Of the bodies of appends. */
  readonly body: BodyLimits;
  /** Largest blob: `replication.blob.maxBytes`. */
  readonly maxBlobBytes: number;
  /** What an upload holds in memory: `replication.blob.chunkBytes`. */
  readonly blobChunkBytes: number;
  /** Bytes of answers held at a time for clients that read slowly: `query.maxHeldBytes`. */
  readonly maxHeldAnswerBytes: number;
  /** Of the client stream; `subscribe` in the configuration. */
  readonly subscribe: SubscribeSettings;
  /** The most bytes that a page that was asked for with so many bytes may have. */
  readonly pageBytes: (length: number) => number;
  /** Between two pings on a stream; default 15 000. */
  readonly pingMs?: number;
  readonly connections: ConnectionLimits;
  /** Ids of the other nodes: what they pass on has places of its own. */
  readonly peers: readonly string[];
  /** Milliseconds: `http.headersTimeout`. */
  readonly headersTimeoutMs: number;
  /** Figures of the process as they are now, for `/metrics`. */
  readonly processFigures: () => ProcessFigures;
  /** Told of every error that is no `AnnalsError`, which the client sees as ERR_INTERNAL only. */
  readonly onFault?: (error: unknown) => void;
}

/** For the largest upload of a blob; one that stands still is cut by its own timer. */
const UPLOAD_TIMEOUT_MS = 6 * 3_600_000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Silence on a connection; longer than any wait that a client may ask for. */
const CONNECTION_TIMEOUT_MS = 120_000;
/** Of a refused body; a new connection would cost about as much. */
const READ_IN_VAIN_BYTES_MAX = 256 * 1024;

export interface HttpServer {
  /** `.close()` waits for the requests in progress. */
  readonly app: FastifyInstance;
  /** To be closed before. */
  readonly streams: StreamServer;
}

/**
 * The HTTP API of one node. Decodes no records: bodies pass as bytes. Does not listen: the caller does, and hands WebSocket upgrades of
 * `app.server` to those that serve them.
 */
export function createHttpServer(service: NodeService, options: HttpServerOptions): HttpServer {
  const app = fastify({
    bodyLimit: options.body.maxBytes,
    requestTimeout: UPLOAD_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: PATH_PART_CHARACTERS_MAX },
    exposeHeadRoutes: false,
    http: {
      headersTimeout: options.headersTimeoutMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: HEADER_BYTES_MAX,
      shouldUpgradeCallback: isUpgradeTaken,
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => {
      void answerError(error, reply, options);
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  guardConnections(app, options);
  serveOffers(app);
  app.decorateRequest("admitted", undefined);
  answerErrors(app, options);
  app.setNotFoundHandler(({ url }) => {
    throw routeNotFound(url);
  });
  const forwarder = new Forwarder(
    options.node,
    options.ledger.family("forwarded").gauge(options.connections.maxPerNode),
  );
  const delay = new EventLoopDelay();
  app.addHook("onClose", async () => {
    forwarder.close();
    delay.close();
  });
  const appends = new AppendService({ service, forwarder, desk: options.desk });
  const admission = new Admission({ ...options, appends });
  const { ledger, desk, maxBlobBytes, blobChunkBytes, address } = options;
  const answers = new ByteBudget(options.maxHeldAnswerBytes, ledger.family("answers"));
  const context = { service, forwarder, answers, admission, maxBlobBytes, blobChunkBytes, address };
  register(
    app,
    apiRoutes({ ...context, desk, delay, processFigures: options.processFigures }),
    admission,
  );
  const { subscribe, body, node, pageBytes, pingMs } = options;
  const streams = new StreamServer({
    ...subscribe,
    service,
    forwarder,
    appends,
    desk,
    ledger,
    node,
    address,
    maxBodyBytes: body.maxBytes,
    pageBytes,
    ...(pingMs === undefined ? {} : { pingMs }),
    onFault: (error) => options.onFault?.(error),
  });
  return { app, streams };
}

/** Answers errors as problem documents. Whoever was turned away and would ask again at once is kept waiting first. */
function answerErrors(app: FastifyInstance, options: HttpServerOptions): void {
  const pace = new RefusalPace();
  const closing = new AbortController();
  app.addHook("preClose", async () => closing.abort());
  app.setErrorHandler(async (error, request, reply) => {
    // Of those who were admitted the body is here; and a node that passes on has other requests for its few connections.
    const turnedAway = isAppend(request) && request.admitted === undefined && !hopped(request);
    const problem = problemOf(error);
    // A connection that has no place is closed before its turn would come.
    if (turnedAway && waits(problem) && !problem.code.startsWith("ERR_TOO_MANY_CONNECTIONS")) {
      // Else it would wait in memory, too, until it is read in vain.
      if (!leavesBody(problem.status, request)) request.raw.on("data", letGo);
      const askedMs = options.desk.retryAfterMs(pathParameter(request, "log"));
      const waitMs = pace.waitMs(performance.now(), request.raw.socket, askedMs);
      if (waitMs > 0) await pause(waitMs, closing.signal);
    }
    return answerError(error, reply, options);
  });
}

/** Each connection has its place when its first request is here, whatever becomes of that; a request without one goes no further. */
function guardConnections(app: FastifyInstance, options: HttpServerOptions): void {
  const { connections: limits, peers, ledger, desk } = options;
  const onTurnedAway = (code: TurnedAway): void => desk.turnedAway(code);
  const guard = new ConnectionGuard({ limits, peers, ledger, onTurnedAway });
  guard.attach(app.server);
  const refused = new WeakMap<IncomingMessage, AnnalsError>();
  app.server.prependListener("request", (request: IncomingMessage) => {
    const refusal = guard.judge(request);
    if (refusal !== undefined) refused.set(request, refusal);
  });
  app.addHook("onRequest", async (request, reply) => {
    const refusal = refused.get(request.raw);
    if (refusal !== undefined || guard.isPassing(request.raw))
      void reply.header("connection", "close");
    if (refusal === undefined) return;
    // What an append is refused for is counted where it is answered.
    if (!isAppend(request)) desk.turnedAway(refusal.code);
    throw refusal;
  });
}

function register(app: FastifyInstance, routes: readonly Route[], admission: Admission): void {
  for (const route of routes) {
    const add = (scope: Pick<FastifyInstance, "route">): void => {
      scope.route({
        // HEAD is answered as GET is; Node leaves the body out.
        method: route.method === "GET" ? ["GET", "HEAD"] : route.method,
        onSend: leaveStreamOut,
        url: toFastifyPath(route.path),
        bodyLimit: bodyLimit(route),
        onRequest: async (request, reply) => admission.admit(route, request, reply),
        handler: route.handle,
      });
    };
    const parser = parserOf(route, admission);
    if (parser === undefined) {
      add(app);
      continue;
    }
    void app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", parser);
      add(scope);
    });
  }
  for (const [path, methods] of groupByPath(routes)) {
    const others = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].filter(
      (method) => !methods.includes(method),
    );
    app.route({
      method: others,
      url: toFastifyPath(path),
      bodyLimit: SMALL_BODY_BYTES_MAX,
      // Refused before the body is read: it may be as large as it likes.
      onRequest: async (request, reply) => {
        void reply.header("allow", methods.join(", "));
        throw httpError(
          "ERR_METHOD_NOT_ALLOWED",
          `${request.method} is not one of ${methods.join(", ")}`,
        );
      },
      handler: async () => undefined,
    });
  }
}

/** The answer to HEAD has the headers of the one to GET, and opens no file for longer than that takes. */
async function leaveStreamOut(
  request: FastifyRequest,
  _reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (request.method !== "HEAD" || !(payload instanceof Readable)) return payload;
  payload.on("error", () => undefined).destroy();
  return null;
}

function bodyLimit({ body }: Route): number {
  return body === "stream" || body === "records" ? Number.MAX_SAFE_INTEGER : SMALL_BODY_BYTES_MAX;
}

/** Who receives the body if not fastify: for a stream the handler. */
function parserOf(
  { body }: Route,
  admission: Admission,
): ((request: FastifyRequest) => Promise<unknown>) | undefined {
  if (body === "stream") return async () => undefined;
  return body === "records" ? (request) => admission.receive(request) : undefined;
}

function groupByPath(routes: readonly Route[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { path, method } of routes) {
    const more = method === "GET" ? ["GET", "HEAD"] : [method];
    groups.set(path, [...(groups.get(path) ?? []), ...more]);
  }
  return groups;
}

function toFastifyPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}

/** Fastify's own errors become ours; whatever else is no `AnnalsError` is a fault. */
function answerError(
  error: unknown,
  reply: FastifyReply,
  { desk, onFault }: HttpServerOptions,
): FastifyReply {
  const translated = translate(error);
  const { request } = reply;
  const problem = problemOf(translated);
  if (leavesBody(problem.status, request)) void reply.header("connection", "close");
  // A client that goes away in the middle of its body is no fault of ours, and may do so as often as it likes.
  const hasGone = request.raw.destroyed && !request.raw.complete;
  if (problem.code === "ERR_INTERNAL" && !hasGone) onFault?.(error);
  if (!isAppend(request)) return sendProblem(reply, problem);
  const log = pathParameter(request, "log");
  desk.refused(log, problem.code);
  return sendProblem(reply, problem, desk.retryAfterMs(log));
}

/** What is too large or too slow is not read to its end, nor is much of what was refused: reading it would be the work that was refused. */
function leavesBody(status: number, { raw, headers }: FastifyRequest): boolean {
  if (raw.complete) return false;
  const small = Number(headers["content-length"] ?? Number.NaN) <= READ_IN_VAIN_BYTES_MAX;
  return status === 413 || status === 408 || !small;
}

function translate(error: unknown): unknown {
  if (!(error instanceof Error) || !("statusCode" in error)) return error;
  if (error.statusCode === 413) return bodyTooLarge(SMALL_BODY_BYTES_MAX);
  if (typeof error.statusCode === "number" && error.statusCode < 500) {
    return httpError("ERR_REQUEST_MALFORMED", "the request cannot be read", { cause: error });
  }
  return error;
}

/** What Node's parser refuses has no request and no reply yet. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  // Nobody to answer, or an answer that already began and would be cut by a second one.
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    endWithProblem(
      socket,
      httpError("ERR_REQUEST_TIMEOUT", "the request took too long to arrive", { retryable: true }),
    );
    return;
  }
  if (error.code === "HPE_INVALID_TRANSFER_ENCODING") {
    endWithProblem(socket, unknownTransferCoding());
    return;
  }
  const what =
    error.code === "HPE_HEADER_OVERFLOW"
      ? `the headers are larger than ${HEADER_BYTES_MAX} bytes`
      : "the request is not valid HTTP";
  endWithProblem(socket, httpError("ERR_REQUEST_MALFORMED", what));
}

/** Ends early when the server closes. */
async function pause(ms: number, closing: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: closing });
  } catch {
    // Nobody waits any more.
  }
}
