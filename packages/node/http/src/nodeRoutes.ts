import { openApiDocument } from "@annals/api";
import { METRICS_CONTENT_TYPE, renderMetrics } from "./metrics/renderMetrics.ts";
import { parseParameters } from "./parameters.ts";
import { httpError } from "./problem.ts";
import type { Route, RouteContext } from "./route.ts";

/** Where the client stream is; `stream/streamServer.ts` takes its upgrades. */
export const STREAM_PATH = "/v1/stream";

export function nodeRoutes(context: RouteContext): readonly Route[] {
  const { service, desk } = context;
  return [
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
        return desk.read();
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
    metricsRoute(context),
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

/** The page that Prometheus reads, made anew for every reader. */
function metricsRoute({ service, desk, delay, processFigures }: RouteContext): Route {
  return {
    method: "GET",
    path: "/metrics",
    body: "none",
    handle: async (_request, reply) => {
      const snapshot = {
        cluster: await service.cluster(),
        ingest: desk.read(),
        delay: delay.read(),
        process: processFigures(),
      };
      return reply.type(METRICS_CONTENT_TYPE).send(await renderMetrics(snapshot));
    },
  };
}
