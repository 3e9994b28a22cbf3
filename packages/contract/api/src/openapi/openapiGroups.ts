import { LANES_MAX } from "@annals/record";
import { LOG_NAME_PATTERN } from "@annals/system";
import {
  json,
  listOf,
  LOG,
  object,
  operation,
  parameter,
  reference,
  text,
} from "./openapiParts.ts";
import type { Json } from "./openapiParts.ts";

const count: Json = { type: "integer", minimum: 0 };
const token: Json = { type: "integer", minimum: 1 };
const start: Json = {
  oneOf: [
    { type: "string", enum: ["first", "end"] },
    { ...count, description: "Behind this seq." },
    { type: "string", format: "date-time", description: "At the first record of this time." },
  ],
};
const settings: Json = {
  type: "string",
  maxLength: 256,
  default: "",
  description: "Whatever must be the same for all consumers of the group, such as a fingerprint.",
};
const feeds: Json = {
  type: "string",
  maxLength: 256,
  default: "",
  description:
    "What the member writes to. Refused while somebody else who lives says otherwise: neither would get everything.",
};
const lane: Json = { ...count, maximum: LANES_MAX - 1 };

export const GROUP_SCHEMAS: Json = {
  Group: object({
    name: text,
    settings: text,
    begin: { ...count, description: "Where it began: behind this seq." },
    feeds: {
      type: "string",
      description: "What whoever held a lane last writes to; empty where nobody has said so.",
    },
    lag: { ...count, description: "Records behind the lane that is furthest behind." },
    lanes: {
      type: "array",
      items: object(
        {
          position: {
            ...count,
            description: "Everything of the lane up to this seq is done with.",
          },
          lag: count,
          member: { type: "string", description: "Who holds it." },
          condition: { type: "string", enum: ["free", "current", "moving", "stuck", "silent"] },
        },
        ["position", "lag", "condition"],
      ),
    },
  }),
  LaneGrant: object({
    lane,
    lanes: { type: "integer", minimum: 1, maximum: LANES_MAX },
    token: { ...token, description: "Every commit must carry it; a later grant has a larger one." },
    position: count,
    begin: {
      ...count,
      description: "Where the group began: whoever has lost everything goes back to here.",
    },
    leaseMs: { ...count, description: "It has to be renewed within so many milliseconds." },
  }),
};

const GROUP = parameter("path", "group", text, "Name of the group.");

function body(schema: Json): Json {
  return {
    parameters: [LOG, GROUP],
    requestBody: { required: true, content: { "application/json": { schema } } },
  };
}

const HELD = { lane, token };
const DONE = { "200": json({ type: "object" }, "Done.") };
const ONE = { "200": json(reference("Group"), "The group.") };

export const GROUP_PATHS: Json = {
  "/v1/logs/{log}/groups": {
    get: operation(
      "listGroups",
      "List the groups of a log",
      { parameters: [LOG] },
      { "200": json(listOf("Group"), "Every group.") },
    ),
    post: operation(
      "createGroup",
      "Create a group; one that is there already and the same is answered as it is",
      {
        ...body(
          object(
            {
              name: { type: "string", pattern: LOG_NAME_PATTERN.source },
              settings,
              lanes: { type: "integer", minimum: 1, maximum: LANES_MAX, default: 1 },
              from: start,
            },
            ["name"],
          ),
        ),
        parameters: [LOG],
      },
      ONE,
    ),
  },
  "/v1/logs/{log}/groups/{group}": {
    get: operation("getGroup", "Show a group", { parameters: [LOG, GROUP] }, ONE),
    delete: operation("deleteGroup", "Delete a group", { parameters: [LOG, GROUP] }, DONE),
  },
  "/v1/logs/{log}/groups/{group}/reset": {
    post: operation(
      "resetGroup",
      "Let every lane go on from elsewhere; whoever holds one loses it",
      body(object({ to: start })),
      ONE,
    ),
  },
  "/v1/logs/{log}/groups/{group}/acquire": {
    post: operation(
      "acquireLane",
      "Take a lane that nobody holds",
      body(object({ member: text, settings, feeds, lane }, ["member"])),
      { "200": json(reference("LaneGrant"), "The lane, and where to go on.") },
    ),
  },
  "/v1/logs/{log}/groups/{group}/renew": {
    post: operation("renewLane", "Say that the holder lives", body(object(HELD)), DONE),
  },
  "/v1/logs/{log}/groups/{group}/commit": {
    post: operation(
      "commitPosition",
      "Everything of the lane up to `position` is done with",
      body(object({ ...HELD, position: count })),
      { "200": json(object({ position: count }), "Where the lane stands now, durably.") },
    ),
  },
  "/v1/logs/{log}/groups/{group}/release": {
    post: operation("releaseLane", "Give a lane back", body(object(HELD)), DONE),
  },
};
