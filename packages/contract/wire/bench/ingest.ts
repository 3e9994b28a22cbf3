/**
 * What it costs to judge records at the edge, by format: `pnpm exec node --conditions=annals-source packages/contract/wire/bench/ingest.ts`. Prints
 * one JSON line each; items are records. msgpack is the scanner alone.
 */
import { RECORD_LIMITS } from "@annals/record";
import { runMicroBenches } from "@annals/kit";
import { encodeRecord } from "../src/recordCodec.ts";
import { parseIngestBody } from "../src/ingest.ts";

const RECORDS = 2000;
const record = {
  actor: { type: "user", id: "alice@example.org" },
  action: "file.modified",
  time: "2026-01-31T12:00:00Z",
  targets: [{ type: "file", id: "packages/core/raft/src/index.ts" }],
  outcome: "success",
  context: { commit: "0123456789abcdef0123456789abcdef01234567", repo: "annals" },
} as const;
const json = JSON.stringify(record);
const bodies = [
  [
    "application/msgpack",
    Buffer.concat(Array.from({ length: RECORDS }, () => encodeRecord(record))),
  ],
  ["application/json", Buffer.from(`[${Array.from({ length: RECORDS }, () => json).join(",")}]`)],
  ["application/x-ndjson", Buffer.from(Array.from({ length: RECORDS }, () => json).join("\n"))],
] as const;

await runMicroBenches(
  bodies.map(([contentType, body]) => ({
    what: contentType,
    items: RECORDS,
    bytes: body.length,
    run: () => void parseIngestBody(contentType, body, RECORD_LIMITS),
  })),
);
