import { MovableBody } from "@annals/channel";
import type { ReadReply } from "@annals/query";
import type { FastifyReply, FastifyRequest } from "fastify";
import { bodyEmpty } from "./appendService.ts";
import { asBuffer, sendForwarded } from "./atLeader.ts";
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

function appendHandler({ admission, address }: RouteContext): Route["handle"] {
  return async (request, reply) => {
    parseParameters(request.url, []);
    const { append } = admission.of(request);
    const { body } = request;
    if (!(body instanceof MovableBody) || body.size === 0) throw bodyEmpty();
    const outcome = await append.run(body);
    if (outcome.kind === "forwarded") return sendForwarded(reply, outcome.reply);
    void reply.header("annals-leader", address);
    return outcome.reply;
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
