import fastify from "fastify";
import type { IncomingMessage, Server } from "node:http";
import type { Gauge, Ledger } from "@annals/flow";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { SubscribeSettings } from "../config/index.ts";
import { CONNECTIONS_MAX, FORWARD_SOCKETS_MAX, UPLOAD_CHUNKS } from "../memory/constants.ts";
import type { NodeService } from "../service.ts";
import { assertNoEncoding, parseAppendHead } from "./appendRequest.ts";
import type { AppendHead } from "./appendRequest.ts";
import { ByteBudget } from "./byteBudget.ts";
import { Forwarder } from "./forwarder.ts";
import { hopped } from "./leaderTarget.ts";
import { PROBLEM_TYPE, httpError, problemOf, sendProblem } from "./problem.ts";
import { bodyTooLarge, receiveBody } from "./receiveBody.ts";
import type { BodyLimits } from "./receiveBody.ts";
import { apiRoutes } from "./routes.ts";
import type { Route } from "./routes.ts";
import { assertSameOrigin } from "./sameOrigin.ts";
import { StreamServer } from "../stream/streamServer.ts";

export interface HttpServerOptions {
  /** The gauges of the main thread. */
  readonly ledger: Ledger;
  /** Id of this node; named in the hop header of forwarded requests. */
  readonly node: string;
  /** `host:port` under which other nodes and clients reach this node. */
  readonly address: string;
  /** Of the bodies of appends. */
  readonly body: BodyLimits;
  /** Bytes of bodies held at a time, over all connections. */
  readonly maxHeldBodyBytes: number;
  /** Largest blob: `replication.blob.maxBytes`. */
  readonly maxBlobBytes: number;
  /** What an upload holds in memory: `replication.blob.chunkBytes`. */
  readonly blobChunkBytes: number;
  /** Bytes of answers held at a time for clients that read slowly: `query.maxHeldBytes`. */
  readonly maxHeldAnswerBytes: number;
  /** Of the client stream; `subscribe` in the configuration. */
  readonly subscribe: SubscribeSettings;
  /** The most bytes that a page of so many characters, or bytes of msgpack, may have. */
  readonly pageBytes: (length: number) => number;
  /** Between two pings on a stream; default 15 000. */
  readonly pingMs?: number;
  /** Open connections; more are closed at once. */
  readonly maxConnections?: number;
  /** Told of every error that is no `AnnalsError`, which the client sees as ERR_INTERNAL only. */
  readonly onFault?: (error: unknown) => void;
}

const HEADERS_TIMEOUT_MS = 5_000;
/** For a body that is held in memory. */
const BODY_TIMEOUT_MS = 30_000;
/** For the largest upload; one that stands still is cut by its own timer. */
const REQUEST_TIMEOUT_MS = 6 * 3_600_000;
const UPLOAD_IDLE_MS = 30_000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Silence on a connection; longer than any wait that a client may ask for. */
const CONNECTION_TIMEOUT_MS = 120_000;
const SMALL_BODY_BYTES_MAX = 4 * 1024;
const PATH_PART_CHARACTERS_MAX = 256;

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
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: PATH_PART_CHARACTERS_MAX },
    exposeHeadRoutes: false,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => {
      void answerError(error, reply, options);
    },
  });
  app.server.maxConnections = options.maxConnections ?? CONNECTIONS_MAX;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, _request, reply) => answerError(error, reply, options));
  app.setNotFoundHandler((request) => {
    throw httpError("ERR_ROUTE_NOT_FOUND", `nothing is served under ${request.url.split("?")[0]}`);
  });
  const forwarder = new Forwarder(
    options.node,
    options.ledger.family("forwarded").gauge(FORWARD_SOCKETS_MAX),
  );
  app.addHook("onClose", async () => forwarder.close());
  const { ledger } = options;
  countConnections(app.server, ledger.family("connections").gauge(app.server.maxConnections));
  const budget = new ByteBudget("requests", options.maxHeldBodyBytes, ledger.family("requests"));
  const answers = new ByteBudget("answers", options.maxHeldAnswerBytes, ledger.family("answers"));
  register(
    app,
    apiRoutes({
      service,
      forwarder,
      answers,
      maxBlobBytes: options.maxBlobBytes,
      blobChunkBytes: options.blobChunkBytes,
      address: options.address,
    }),
    options,
    budget,
  );
  const streams = new StreamServer({
    ...options.subscribe,
    service,
    forwarder,
    requests: budget,
    ledger,
    node: options.node,
    address: options.address,
    maxBodyBytes: options.body.maxBytes,
    pageBytes: options.pageBytes,
    ...(options.pingMs === undefined ? {} : { pingMs: options.pingMs }),
    onFault: (error) => options.onFault?.(error),
  });
  return { app, streams };
}

function countConnections(server: Server, open: Gauge): void {
  server.on("connection", (socket) => {
    open.add(1);
    socket.once("close", () => open.remove(1));
  });
}

/** What is known of a body of records that may come in. */
interface Admitted {
  readonly encoding: AppendHead["encoding"];
  readonly maxBytes: number;
  /** Counts what the body holds from then on. */
  readonly growTo: (bytes: number) => void;
}

type Admissions = WeakMap<FastifyRequest, Admitted>;

function register(
  app: FastifyInstance,
  routes: readonly Route[],
  options: HttpServerOptions,
  budget: ByteBudget,
): void {
  const admissions: Admissions = new WeakMap();
  for (const route of routes) {
    const add = (scope: Pick<FastifyInstance, "route">): void => {
      scope.route({
        method: route.method,
        url: toFastifyPath(route.path),
        bodyLimit: bodyLimit(route),
        onRequest: admission(route, options, budget, admissions),
        handler: route.handle,
      });
    };
    const parser = parserOf(route, options, admissions);
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

function bodyLimit({ body }: Route): number {
  return body === "stream" || body === "records" ? Number.MAX_SAFE_INTEGER : SMALL_BODY_BYTES_MAX;
}

/** Who receives the body if not fastify: for a stream the handler. */
function parserOf(
  { body }: Route,
  options: HttpServerOptions,
  admissions: Admissions,
): ((request: FastifyRequest, payload: IncomingMessage) => Promise<unknown>) | undefined {
  if (body === "stream") return async () => undefined;
  if (body !== "records") return undefined;
  return async (request, payload) => {
    const admitted = admissions.get(request);
    if (admitted === undefined) throw new Error("a body came in that was not admitted");
    const { encoding, maxBytes, growTo } = admitted;
    return receiveBody(payload, encoding, { ...options.body, maxBytes }, growTo);
  };
}

/** What another node passes on was decoded there. */
function maxBodyBytes(request: FastifyRequest, { body }: HttpServerOptions): number {
  return hopped(request) ? Math.max(body.maxBytes, body.maxDecodedBytes) : body.maxBytes;
}

/** Refuses what can be refused before the body is read, and takes the body's bytes from the budget. */
function admission(
  route: Route,
  options: HttpServerOptions,
  budget: ByteBudget,
  admissions: Admissions,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async (request, reply) => {
    if (route.body === "none") return;
    assertSameOrigin(request.headers.origin, request.headers.host);
    if (route.body !== "records") assertNoEncoding(request.headers);
    if (route.body === "stream") {
      cutWhenIdle(request);
      budget.hold(UPLOAD_CHUNKS * options.blobChunkBytes, reply);
      return;
    }
    cutWhenSlow(request);
    if (route.body === "small") return;
    const { encoding } = parseAppendHead(request.headers);
    const maxBytes = maxBodyBytes(request, options);
    const announced = Number(request.headers["content-length"] ?? Number.NaN);
    if (announced > maxBytes) throw bodyTooLarge(maxBytes);
    // Counted in full before a byte of it is read; one of unknown length as the largest allowed, a compressed one as it grows.
    const bytes = Number.isNaN(announced) ? maxBytes : announced;
    const growTo = budget.hold(encoding === undefined ? bytes : 0, reply);
    admissions.set(request, { encoding, maxBytes, growTo });
  };
}

/** A body must be here in time: whoever sends it a byte at a time keeps nobody waiting. */
function cutWhenSlow({ raw }: FastifyRequest): void {
  const timer = setTimeout(() => raw.destroy(), BODY_TIMEOUT_MS);
  timer.unref();
  for (const event of ["end", "close"] as const) raw.once(event, () => clearTimeout(timer));
}

/** An upload may take long as long as it moves. */
function cutWhenIdle({ raw }: FastifyRequest): void {
  let seen = 0;
  const timer = setInterval(() => {
    const { bytesRead } = raw.socket;
    if (bytesRead === seen && !raw.isPaused()) raw.destroy();
    seen = bytesRead;
  }, UPLOAD_IDLE_MS);
  timer.unref();
  for (const event of ["end", "close"] as const) raw.once(event, () => clearInterval(timer));
}

function groupByPath(routes: readonly Route[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { path, method } of routes) {
    groups.set(path, [...(groups.get(path) ?? []), method]);
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
  options: HttpServerOptions,
): FastifyReply {
  const translated = translate(error);
  // What is too large is not read to its end.
  if (isTooLarge(translated) && !reply.request.raw.complete)
    void reply.header("connection", "close");
  if (problemOf(translated).code === "ERR_INTERNAL") options.onFault?.(error);
  return sendProblem(reply, translated);
}

function isTooLarge(error: unknown): boolean {
  return problemOf(error).status === 413;
}

function translate(error: unknown): unknown {
  if (!(error instanceof Error) || !("statusCode" in error)) return error;
  if (error.statusCode === 413) return bodyTooLarge(SMALL_BODY_BYTES_MAX);
  if (typeof error.statusCode === "number" && error.statusCode < 500) {
    return httpError("ERR_REQUEST_MALFORMED", "the request cannot be read", { cause: error });
  }
  return error;
}

/** What Node's parser refuses has no request and no reply yet: the answer is written by hand. */
function answerBrokenRequest(
  error: Error & { code?: string },
  socket: import("node:net").Socket,
): void {
  // Nobody to answer, or an answer that already began and would be cut by a second one.
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const what =
    error.code === "HPE_HEADER_OVERFLOW"
      ? `the headers are larger than ${HEADER_BYTES_MAX} bytes`
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "the request took too long to arrive"
        : "the request is not valid HTTP";
  const body = JSON.stringify(problemOf(httpError("ERR_REQUEST_MALFORMED", what)));
  const head = [
    "HTTP/1.1 400 Bad Request",
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
