import { blobRoutes } from "./blobRoutes.ts";
import { groupRoutes } from "./groupRoutes.ts";
import { logRoutes } from "./logRoutes.ts";
import { nodeRoutes } from "./nodeRoutes.ts";
import { recordRoutes } from "./recordRoutes.ts";
import { resolveRoutes } from "./resolveRoutes.ts";
import type { Route, RouteContext } from "./route.ts";
import { schemaRoutes } from "./schemaRoutes.ts";

/** Every route of the API. */
export function apiRoutes(context: RouteContext): readonly Route[] {
  return [
    ...recordRoutes(context),
    ...groupRoutes(context),
    ...schemaRoutes(context),
    ...resolveRoutes(context),
    ...blobRoutes(context),
    ...logRoutes(context),
    ...nodeRoutes(context),
  ];
}
