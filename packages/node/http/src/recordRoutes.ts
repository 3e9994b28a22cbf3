import { MovableBody } from "@annals/channel";
import type { ReadReply } from "@annals/query";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { AppendReply } from "@annals/api";
import { asBuffer, atLeader } from "./atLeader.ts";
import { FORWARD_GRACE_MS } from "./forwarder.ts";
import { leaderChanged } from "./leaderTarget.ts";
import { parseParameters } from "./parameters.ts";
import { httpError } from "./problem.ts";
import type { Route, RouteContext } from "./route.ts";
import { logParameter, pathParameter } from "./routePath.ts";
import { parseReadRequest, parseRecordRequest, recordNotFound } from "./readRequest.ts";

export function recordRoutes(context: RouteContext): readonly Route[] {
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
    const body = request.body instanceof MovableBody ? request.body : undefined;
    if (body === undefined || body.size === 0)
      throw httpError("ERR_BODY_EMPTY", "the body is empty");
    const local = async (): Promise<AppendReply> => {
      if (body.moved) throw leaderChanged();
      const { contentType, producer, timeoutMs } = head;
      const answer = await context.service.append(log, { contentType, producer, timeoutMs, body });
      const { count: records, duplicate } = answer;
      ticket.accepted({ records, bytes: body.size, producer: producer?.id, duplicate });
      return answer;
    };
    const timeoutMs = head.timeoutMs + FORWARD_GRACE_MS;
    const passing = { request, reply, answers: "append", timeoutMs } as const;
    const answer = await atLeader(context, log, passing, local);
    if (answer === reply) ticket.passedOn(reply.statusCode);
    return answer;
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
