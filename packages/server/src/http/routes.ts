import { invalidParameter } from "@annals/query";
import type { ReadReply } from "@annals/query";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { IngestDesk } from "../ingest/ingestDesk.ts";
import type { EventLoopDelay } from "../metrics/eventLoopDelay.ts";
import { METRICS_TYPE, renderMetrics, snapshotOf } from "../metrics/renderMetrics.ts";
import { LOG_NAME_PATTERN } from "../names.ts";
import { SYSTEM_LOG } from "../service.ts";
import type { AppendReply } from "../service.ts";
import type { Admission } from "./admission.ts";
import { asBuffer, atLeader, bodyOf } from "./atLeader.ts";
import type { LeaderContext } from "./atLeader.ts";
import { blobRoutes } from "./blobRoutes.ts";
import type { ByteBudget } from "./byteBudget.ts";
import { FORWARD_GRACE_MS } from "./forwarder.ts";
import { groupRoutes } from "./groupRoutes.ts";
import { resolveRoutes } from "./resolveRoutes.ts";
import { schemaRoutes } from "./schemaRoutes.ts";
import { parseTextFields } from "./jsonBody.ts";
import { openApiDocument } from "./openapi.ts";
import { parseParameters } from "./parameters.ts";
import { httpError } from "./problem.ts";
import { logParameter, pathParameter } from "./routePath.ts";
import { parseReadRequest, parseRecordRequest, recordNotFound } from "./readRequest.ts";

/** One route of the API. Paths are written as OpenAPI writes them. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** `records`: up to `ingest.maxBodyBytes` of records; `small`: a small JSON object; `stream`: left to the handler. */
  readonly body: "none" | "small" | "records" | "stream";
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
}

export interface RouteContext extends LeaderContext {
  /** Counts the pages, records and chunks of downloads that clients have not taken yet. */
  readonly answers: ByteBudget;
  readonly admission: Admission;
  readonly desk: IngestDesk;
  readonly delay: EventLoopDelay;
  readonly maxBlobBytes: number;
  readonly blobChunkBytes: number;
}

/** Where the client stream is; `stream/streamServer.ts` takes its upgrades. */
export const STREAM_PATH = "/v1/stream";

export function apiRoutes(context: RouteContext): readonly Route[] {
  const { service } = context;
  return [
    {
      method: "POST",
      path: "/v1/logs/{log}/records",
      body: "records",
      handle: appendHandler(context),
    },
    {
      method: "GET",
      path: "/v1/logs/{log}/records",
      body: "none",
      handle: async (request, reply) => {
        const query = parseReadRequest(request.url, request.headers.accept);
        const page = await service.read(logParameter(request), query);
        context.answers.hold(page.body.length, reply);
        return sendPage(reply, page);
      },
    },
    {
      method: "GET",
      path: "/v1/logs/{log}/records/{seq}",
      body: "none",
      handle: async (request, reply) => {
        const log = logParameter(request);
        const query = parseRecordRequest(request.url, pathParameter(request, "seq"));
        const answer = await service.read(log, query);
        if (answer.count === 0) throw recordNotFound(log, query.from);
        context.answers.hold(answer.body.length, reply);
        return reply.type(answer.contentType).send(asBuffer(answer.body));
      },
    },
    {
      method: "GET",
      path: "/v1/logs/{log}/producers/{id}",
      body: "none",
      handle: async (request) => {
        parseParameters(request.url, []);
        const log = logParameter(request);
        const id = pathParameter(request, "id");
        const { latest, nextEpoch } = await service.producer(log, id);
        if (latest !== undefined) return { ...latest, nextEpoch };
        throw httpError("ERR_PRODUCER_NOT_FOUND", `log "${log}" knows no producer "${id}"`, {
          details: { nextEpoch },
        });
      },
    },
    ...groupRoutes(context),
    ...schemaRoutes(context),
    ...resolveRoutes(context),
    ...blobRoutes(context),
    {
      method: "POST",
      path: "/v1/logs/{log}/transfer-leadership",
      body: "small",
      handle: transferHandler(context),
    },
    {
      method: "GET",
      path: "/v1/logs",
      body: "none",
      handle: async (request) => {
        parseParameters(request.url, []);
        return { items: await service.logs(), next: null };
      },
    },
    { method: "POST", path: "/v1/logs", body: "small", handle: createLogHandler(context) },
    {
      method: "GET",
      path: "/v1/cluster",
      body: "none",
      handle: async (request) => {
        parseParameters(request.url, []);
        return service.cluster();
      },
    },
    {
      method: "GET",
      path: "/v1/ingest/stats",
      body: "none",
      handle: async (request) => {
        parseParameters(request.url, []);
        return context.desk.read();
      },
    },
    {
      method: "GET",
      path: "/healthz",
      body: "none",
      handle: async (_request, reply) => {
        const { live, reasons } = service.health();
        return reply.code(live ? 200 : 503).send({ live, reasons });
      },
    },
    {
      method: "GET",
      path: "/readyz",
      body: "none",
      handle: async (_request, reply) => {
        const { ready, reasons } = service.health();
        return reply.code(ready ? 200 : 503).send({ ready, reasons });
      },
    },
    {
      method: "GET",
      path: "/metrics",
      body: "none",
      handle: async (_request, reply) => {
        const { desk, delay } = context;
        const snapshot = snapshotOf(await service.cluster(), desk.read(), delay.read());
        return reply.type(METRICS_TYPE).send(await renderMetrics(snapshot));
      },
    },
    {
      method: "GET",
      path: STREAM_PATH,
      body: "none",
      handle: async (_request, reply) => {
        void reply.header("upgrade", "websocket");
        throw httpError("ERR_STREAM_UPGRADE", "the stream is a WebSocket");
      },
    },
    {
      method: "GET",
      path: "/openapi.json",
      body: "none",
      handle: async () => openApiDocument(),
    },
  ];
}

/** Whether the request is an append, the only one whose body is of records. */
export function isAppend({ method, routeOptions }: FastifyRequest): boolean {
  return method === "POST" && routeOptions.url === "/v1/logs/:log/records";
}

function appendHandler(context: RouteContext): Route["handle"] {
  return async (request, reply) => {
    const log = logParameter(request);
    parseParameters(request.url, []);
    const { ticket, ...head } = context.admission.of(request);
    const body = bodyOf(request);
    const bytes = body.length;
    if (bytes === 0) throw httpError("ERR_BODY_EMPTY", "the body is empty");
    const local = async (): Promise<AppendReply> => {
      // It moved with the first try.
      if (body.length === 0)
        throw httpError("ERR_NOT_LEADER", "the leader changed", { retryable: true });
      const { contentType, producer, timeoutMs } = head;
      const answer = await context.service.append(log, { contentType, producer, timeoutMs, body });
      const { count: records, duplicate } = answer;
      ticket.accepted({ records, bytes, producer: producer?.id, duplicate });
      return answer;
    };
    const timeoutMs = head.timeoutMs + FORWARD_GRACE_MS;
    const passing = { request, reply, answers: "append", timeoutMs } as const;
    const answer = await atLeader(context, log, passing, local);
    if (answer === reply) ticket.passedOn(reply.statusCode);
    return answer;
  };
}

function transferHandler(context: RouteContext): Route["handle"] {
  return async (request, reply) => {
    const log = logParameter(request);
    parseParameters(request.url, []);
    const { to } = parseTextFields(bodyOf(request), request.headers["content-type"], ["to"]);
    return atLeader(context, log, { request, reply, answers: "small" }, async () => {
      await context.service.transferLeadership(log, to);
      return { log, to: to ?? null };
    });
  };
}

function createLogHandler(context: RouteContext): Route["handle"] {
  return async (request, reply) => {
    parseParameters(request.url, []);
    const { name } = parseTextFields(bodyOf(request), request.headers["content-type"], ["name"]);
    if (name === undefined) throw invalidParameter("name", "is missing");
    if (!LOG_NAME_PATTERN.test(name)) {
      throw invalidParameter(
        "name",
        'expected lower-case letters, digits and ". _ -", first a letter, at most 64',
      );
    }
    return atLeader(context, SYSTEM_LOG, { request, reply, answers: "small" }, async () => {
      const log = await context.service.createLog(name);
      void reply.code(201).header("location", `/v1/logs/${name}/records`);
      return log;
    });
  };
}

function sendPage(reply: FastifyReply, page: ReadReply): FastifyReply {
  reply
    .type(page.contentType)
    .header("annals-covered", `${page.covered.from}-${page.covered.to}`)
    .header("annals-count", String(page.count))
    .header("annals-more", String(page.more));
  if (page.next !== undefined) reply.header("annals-next", page.next);
  return reply.send(asBuffer(page.body));
}
