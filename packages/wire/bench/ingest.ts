/**
 * What it costs to judge records at the edge: `pnpm exec node --conditions=annals-source packages/wire/bench/ingest.ts`. Prints one JSON
 * line a format: microseconds of one thread per record.
 */
import { RECORD_LIMITS } from "@annals/record";
import { encodeRecord, parseIngestBody } from "@annals/wire";

const RECORDS = 2000;
const ROUNDS = 50;
const record = {
  actor: { type: "user", id: "alice@example.org" },
  action: "file.modified",
  time: "2026-01-31T12:00:00Z",
  targets: [{ type: "file", id: "packages/raft/src/index.ts" }],
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

for (const [contentType, body] of bodies) {
  for (let round = 0; round < ROUNDS / 5; round++)
    parseIngestBody(contentType, body, RECORD_LIMITS);
  const start = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) parseIngestBody(contentType, body, RECORD_LIMITS);
  const { user, system } = process.cpuUsage(start);
  const microseconds = Number(((user + system) / ROUNDS / RECORDS).toFixed(3));
  console.log(JSON.stringify({ contentType, bytesPerRecord: body.length / RECORDS, microseconds }));
}
