// Goal: a request and its repeat in another format or compression have one fingerprint. Method: every pair of formats, through the
// door that a request takes, and msgpack as another library writes it.
import { gunzipSync, gzipSync } from "node:zlib";
import { drain, RECORD_LIMITS, requestFingerprint } from "@annals/record";
import { pack } from "msgpackr";
import { describe, expect, test } from "vitest";
import { parseIngestBodyInSteps } from "../src/ingest.ts";

const RECORDS = [
  {
    actor: { id: "ada", type: "user" },
    action: "document.read",
    targets: [{ type: "document", id: "d-1" }],
    outcome: "success",
    data: {
      n: 1,
      big: 2 ** 40,
      negative: -7,
      half: 0.5,
      none: null,
      flags: [true, false],
      ä: "€😀",
    },
  },
  { actor: { id: "bob" }, action: "login" },
];

const BODIES: readonly (readonly [string, Uint8Array])[] = [
  ["application/json", Buffer.from(JSON.stringify(RECORDS))],
  ["application/json", Buffer.from(JSON.stringify(RECORDS, undefined, 2))],
  ["application/x-ndjson", Buffer.from(RECORDS.map((one) => JSON.stringify(one)).join("\n"))],
  ["application/msgpack", Buffer.concat(RECORDS.map((one) => pack(one)))],
  ["application/msgpack", pack(RECORDS)],
  ["application/json", gunzipSync(gzipSync(JSON.stringify(RECORDS)))],
];

function fingerprintOf(type: string, body: Uint8Array): number {
  if (
    type !== "application/json" &&
    type !== "application/x-ndjson" &&
    type !== "application/msgpack"
  )
    throw new RangeError(type);
  const own = Uint8Array.from(body);
  return requestFingerprint(drain(parseIngestBodyInSteps(type, own, RECORD_LIMITS)).records);
}

describe("a fingerprint", () => {
  test("is the same in every format", () => {
    expect(new Set(BODIES.map(([type, body]) => fingerprintOf(type, body))).size).toBe(1);
  });

  test("is another one for another value, another record and another order of records", () => {
    const changed = [
      RECORDS,
      RECORDS.toReversed(),
      RECORDS.slice(1),
      [{ ...RECORDS[0], outcome: "failure" }, ...RECORDS.slice(1)],
      [...RECORDS, ...RECORDS.slice(1)],
    ];
    const all = changed.map((records) =>
      fingerprintOf("application/json", Buffer.from(JSON.stringify(records))),
    );
    expect(new Set(all).size).toBe(changed.length);
  });
});
