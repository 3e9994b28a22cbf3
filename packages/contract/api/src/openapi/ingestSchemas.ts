import { object, reference, text } from "./openapiParts.ts";
import type { Json } from "./openapiParts.ts";

function count(description: string): Json {
  return { type: "integer", minimum: 0, description };
}

const NEVER_FALLS = "since the process began; never falls";

const COUNTS: Json = {
  buffered: object({ bytes: reference("GaugeReading"), requests: reference("GaugeReading") }),
  accepted: object({
    requests: count(`Requests whose records are committed, repeats aside; ${NEVER_FALLS}.`),
    records: count("Their records."),
    bytes: count("Their bodies, decompressed."),
  }),
  passedOn: count("Requests that were passed on to the leader, which counts what became of them."),
  refused: {
    type: "object",
    additionalProperties: { type: "integer" },
    description: `Refused here, by code; ${NEVER_FALLS}.`,
  },
  repeats: object({
    total: count(`Requests of producers that were in the log already; ${NEVER_FALLS}.`),
    streak: count("Of them since a producer's request was new last; 0 when it was the latest."),
  }),
  oldestWaitingMs: count("How long the oldest of the buffered requests has been here; 0 for none."),
  drainBytesPerSecond: count(
    "How fast what is buffered is worked off, over the last seconds in which something was. Retry-After is made of it.",
  ),
};

/** The schemas of `GET /v1/ingest/stats`. */
export const INGEST_SCHEMAS: Json = {
  GaugeReading: object({
    current: count("Now."),
    peak: count("At most."),
    cap: count("What it may be."),
  }),
  IngestStats: object({
    node: object({
      ...COUNTS,
      decoded: {
        type: "object",
        description: "Of compressed bodies that were decoded to their end, by encoding.",
        additionalProperties: object({
          bytesIn: count("Compressed."),
          bytesOut: count("Decompressed."),
        }),
      },
    }),
    logs: {
      type: "array",
      items: object({
        name: text,
        ...COUNTS,
        producers: {
          type: "array",
          maxItems: 32,
          description: "Producers that have repeated requests, the latest first.",
          items: object({
            id: text,
            total: count("Repeats since it is listed."),
            streak: count("Repeats since its last new request."),
          }),
        },
      }),
    },
  }),
};
