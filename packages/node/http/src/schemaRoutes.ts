import { textParameter } from "@annals/query";
import { SYSTEM_LOG } from "@annals/system";
import { atLeader, bodyOf } from "./atLeader.ts";
import type { LeaderContext } from "./atLeader.ts";
import { parseParameters } from "./parameters.ts";
import { httpError } from "./problem.ts";
import { logParameter, pathParameter } from "./routePath.ts";
import type { Route } from "./route.ts";

const PATH = "/v1/logs/{log}/schemas/{action}";

/** What `data` of the records of one action must be. Changes go through `_system`; whoever leads it answers them. */
export function schemaRoutes(context: LeaderContext): readonly Route[] {
  const { service } = context;
  const change =
    (schemaOf: (body: Uint8Array) => string | undefined): Route["handle"] =>
    (request, reply) => {
      parseParameters(request.url, []);
      const log = logParameter(request);
      const action = textParameter("action", pathParameter(request, "action")) ?? "";
      const schema = schemaOf(bodyOf(request));
      return atLeader(context, SYSTEM_LOG, { request, reply, answers: "schema" }, () =>
        service.setSchema(log, action, schema),
      );
    };
  return [
    {
      method: "GET",
      path: "/v1/logs/{log}/schemas",
      body: "none",
      handle: async (request) => {
        parseParameters(request.url, []);
        return { items: await service.schemas(logParameter(request)), next: null };
      },
    },
    {
      method: "GET",
      path: PATH,
      body: "none",
      handle: async (request) => {
        parseParameters(request.url, []);
        const log = logParameter(request);
        const action = pathParameter(request, "action");
        const found = (await service.schemas(log)).find((one) => one.action === action);
        if (found !== undefined) return found;
        throw httpError("ERR_SCHEMA_NOT_FOUND", `log "${log}" has no schema for "${action}"`);
      },
    },
    {
      method: "PUT",
      path: PATH,
      body: "small",
      handle: change((body) => {
        const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
        service.assertSchema(text);
        return text;
      }),
    },
    { method: "DELETE", path: PATH, body: "none", handle: change(() => undefined) },
  ];
}
