import { invalidParameter } from "@annals/query";
import { LOG_NAME_PATTERN, SYSTEM_LOG } from "@annals/system";
import { atLeader, bodyOf } from "./atLeader.ts";
import { parseTextFields } from "./jsonBody.ts";
import { parseParameters } from "./parameters.ts";
import type { Route, RouteContext } from "./route.ts";
import { logParameter } from "./routePath.ts";

export function logRoutes(context: RouteContext): readonly Route[] {
  const { service } = context;
  return [
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
  ];
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
