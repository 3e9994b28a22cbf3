import { DECIDER_CHARACTERS_MAX } from "@annals/system";
import { json, LOG, object, operation, reference, seq, text } from "./openapiParts.ts";
import type { Json } from "./openapiParts.ts";

const DECISION: Json = {
  decision: { ...seq, description: "Index of its command in `_system`." },
  keep: { ...text, description: "The node whose copy is kept." },
  by: text,
  at: { type: "string", format: "date-time" },
  waitsFor: {
    type: "array",
    items: text,
    description: "Nodes that have not carried it out, as far as `_system` says.",
  },
};

const index: Json = { type: "integer", minimum: 0 };

export const RESOLVE_SCHEMAS: Json = {
  Decision: object(DECISION),
  Copy: object(
    {
      node: text,
      log: text,
      state: { enum: ["open", "opening", "repairing", "diverged", "silent"] },
      reason: { ...text, description: "Why the log is not open." },
      lastIndex: { ...index, description: "Absent, like what follows, unless it can be read." },
      lastTerm: index,
      lastSeq: index,
      commitIndex: index,
      headHash: { ...text, description: "Chain hash of the last entry." },
      diverged: {
        type: "object",
        description: "What parts this copy from the one of another member: it stands still.",
      },
      parted: {
        type: "object",
        description: "Entries and records from where the copies are known to part.",
      },
      emptiedFor: { ...text, description: "The node for whose copy this one was emptied." },
      decision: object({
        ...DECISION,
        carriedOut: { type: "boolean", description: "On this copy." },
      }),
    },
    ["node", "log", "state"],
  ),
};

export const RESOLVE_PATHS: Json = {
  "/v1/logs/{log}/copy": {
    get: operation(
      "showCopy",
      "Show the copy of a log on the node that answers, to choose one when a log has diverged",
      { parameters: [LOG] },
      { "200": json(reference("Copy"), "The copy.") },
    ),
  },
  "/v1/logs/{log}/resolve": {
    post: operation(
      "resolveLog",
      "Decide that the copy of one node is kept, of a log that has diverged; answers when that is on record",
      {
        parameters: [LOG],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: object(
                {
                  keep: { ...text, description: "The node whose copy is kept." },
                  by: {
                    ...text,
                    maxLength: DECIDER_CHARACTERS_MAX,
                    description: "Who decides, for the record; by default the address of who asks.",
                  },
                },
                ["keep"],
              ),
            },
          },
        },
      },
      { "200": json(reference("Decision"), "It is on record; each node carries it out.") },
    ),
  },
};
