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

const ACTION = parameter("path", "action", text, "The action whose records it is about.");

export const SCHEMA_SCHEMAS: Json = {
  Schema: object({
    action: text,
    version: { type: "integer", minimum: 1, description: "Counts every change, removals too." },
    schema: {
      type: ["object", "null"],
      description: "JSON Schema (2020-12) of `data`; null when it was removed.",
    },
  }),
};

export const SCHEMA_PATHS: Json = {
  "/v1/logs/{log}/schemas": {
    get: operation(
      "schemas",
      "The schemas of a log that are in force",
      { parameters: [LOG] },
      { "200": json(listOf("Schema"), "By action.") },
    ),
  },
  "/v1/logs/{log}/schemas/{action}": {
    get: operation(
      "schema",
      "The schema of an action",
      { parameters: [LOG, ACTION] },
      { "200": json(reference("Schema"), "It.") },
    ),
    put: operation(
      "setSchema",
      "Say what `data` of the records of an action must be",
      {
        parameters: [LOG, ACTION],
        requestBody: {
          required: true,
          content: { "application/json": { schema: { type: "object" } } },
        },
      },
      { "200": json(reference("Schema"), "The next version, in force on every node in a moment.") },
    ),
    delete: operation(
      "removeSchema",
      "Take any `data` again",
      { parameters: [LOG, ACTION] },
      { "200": json(reference("Schema"), "The next version, without a schema.") },
    ),
  },
};
