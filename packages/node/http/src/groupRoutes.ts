import { GROUP_SETTINGS_CHARACTERS_MAX, MEMBER_CHARACTERS_MAX } from "@annals/api";
import type { GroupRequest } from "@annals/api";
import { LANES_MAX } from "@annals/record";
import { LOG_NAME_PATTERN } from "@annals/system";
import { z } from "zod";
import { atLeader, bodyOf } from "./atLeader.ts";
import type { LeaderContext } from "./atLeader.ts";
import { groupStart } from "./groupStart.ts";
import { parseFields } from "./jsonBody.ts";
import { parseParameters } from "./parameters.ts";
import { httpError } from "./problem.ts";
import { logParameter, pathParameter } from "./routePath.ts";
import type { Route } from "./route.ts";

const seq = z.int().min(0);
const start = z.union([z.literal("first"), z.literal("end"), seq, z.string()]);
const settings = z.string().max(GROUP_SETTINGS_CHARACTERS_MAX).default("");
const CREATE = z.strictObject({
  name: z.string().regex(LOG_NAME_PATTERN, "expected the characters of a log name"),
  settings,
  lanes: z.int().min(1).max(LANES_MAX).default(1),
  from: start.default("first"),
});
const RESET = z.strictObject({ to: start });
const ACQUIRE = z.strictObject({
  member: z.string().min(1).max(MEMBER_CHARACTERS_MAX),
  settings,
  feeds: z.string().max(GROUP_SETTINGS_CHARACTERS_MAX).default(""),
  lane: z.int().min(0).optional(),
});
const HELD = z.strictObject({ lane: z.int().min(0), token: z.int().min(1) });
const COMMIT = HELD.extend({ position: seq });

/** Reads the body as `shape` says. Throws the coded refusal of whatever does not fit. */
type ReadBody = <Shape extends z.ZodType>(shape: Shape) => z.output<Shape>;

interface GroupRoute {
  readonly method: Route["method"];
  readonly path: string;
  readonly ask: (name: string, body: ReadBody) => GroupRequest;
  /** What is answered; by default what the log says. */
  readonly answer?: (told: unknown, name: string) => unknown;
}

const GROUPS = "/v1/logs/{log}/groups";
const GROUP = `${GROUPS}/{group}`;

const ROUTES: readonly GroupRoute[] = [
  {
    method: "GET",
    path: GROUPS,
    ask: () => ({ op: "list" }),
    answer: (items) => ({ items, next: null }),
  },
  {
    method: "POST",
    path: GROUPS,
    ask: (_name, body) => {
      const { from, ...group } = body(CREATE);
      return { op: "create", ...group, from: groupStart("from", from) };
    },
  },
  { method: "GET", path: GROUP, ask: () => ({ op: "list" }), answer: named },
  { method: "DELETE", path: GROUP, ask: (name) => ({ op: "delete", name }) },
  {
    method: "POST",
    path: `${GROUP}/reset`,
    ask: (name, body) => ({ op: "reset", name, to: groupStart("to", body(RESET).to) }),
  },
  {
    method: "POST",
    path: `${GROUP}/acquire`,
    ask: (name, body) => ({ op: "acquire", name, lane: undefined, ...body(ACQUIRE) }),
  },
  {
    method: "POST",
    path: `${GROUP}/renew`,
    ask: (name, body) => ({ op: "renew", name, ...body(HELD) }),
  },
  {
    method: "POST",
    path: `${GROUP}/commit`,
    ask: (name, body) => ({ op: "commit", name, ...body(COMMIT) }),
  },
  {
    method: "POST",
    path: `${GROUP}/release`,
    ask: (name, body) => ({ op: "release", name, ...body(HELD) }),
  },
];

/** The groups of a log. All of it is answered by the log's leader, who alone knows whose holders live. */
export function groupRoutes(context: LeaderContext): readonly Route[] {
  return ROUTES.map(({ method, path, ask, answer = (told) => told ?? {} }) => ({
    method,
    path,
    body: method === "POST" ? "small" : "none",
    handle: async (request, reply) => {
      parseParameters(request.url, []);
      const log = logParameter(request);
      const name = pathParameter(request, "group");
      const body: ReadBody = (shape) =>
        parseFields(bodyOf(request), request.headers["content-type"], shape);
      const asked = ask(name, body);
      // Of all groups with all their lanes there is more than a node could hold for each who asks.
      const answers = method === "GET" ? "stream" : "group";
      return atLeader(context, log, { request, reply, answers }, async () =>
        answer(await context.service.group(log, asked), name),
      );
    },
  }));
}

function named(groups: unknown, name: string): unknown {
  const found = Array.isArray(groups)
    ? groups.find((group: { readonly name: string }) => group.name === name)
    : undefined;
  if (found !== undefined) return found;
  throw httpError("ERR_GROUP_NOT_FOUND", `the log has no group "${name.slice(0, 64)}"`);
}
