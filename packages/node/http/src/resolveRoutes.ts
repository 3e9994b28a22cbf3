import { invalidParameter } from "@annals/query";
import { DECIDER_CHARACTERS_MAX, SYSTEM_LOG } from "@annals/system";
import { atLeader, bodyOf } from "./atLeader.ts";
import type { LeaderContext } from "./atLeader.ts";
import { parseTextFields } from "./jsonBody.ts";
import { parseParameters } from "./parameters.ts";
import { logParameter } from "./routePath.ts";
import type { Route } from "./route.ts";

/** The way out of a divergence. Decisions go through `_system`; whoever leads it takes them. */
export function resolveRoutes(context: LeaderContext): readonly Route[] {
  const { service } = context;
  return [
    {
      method: "GET",
      path: "/v1/logs/{log}/copy",
      body: "none",
      handle: async (request) => {
        parseParameters(request.url, []);
        return service.copy(logParameter(request));
      },
    },
    {
      method: "POST",
      path: "/v1/logs/{log}/resolve",
      body: "small",
      handle: (request, reply) => {
        parseParameters(request.url, []);
        const log = logParameter(request);
        const type = request.headers["content-type"];
        const { keep, by } = parseTextFields(bodyOf(request), type, ["keep", "by"]);
        if (keep === undefined) throw invalidParameter("keep", "is missing: it names a node");
        if ((by?.length ?? 0) > DECIDER_CHARACTERS_MAX)
          throw invalidParameter("by", `expected at most ${DECIDER_CHARACTERS_MAX} characters`);
        const decide = () => service.resolveLog(log, { keep, by: by ?? request.ip });
        // It is refused, also where it has no leader.
        if (log === SYSTEM_LOG) return decide();
        return atLeader(context, SYSTEM_LOG, { request, reply, answers: "small" }, decide);
      },
    },
  ];
}
