/**
 * Goal: bad input gets a precise, coded refusal that names the record's position and path, and nothing of its request is stored. Method: a
 * real node of one; each bad body stands between good records.
 */
import { pack } from "msgpackr";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestCluster } from "./support/cluster.ts";

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly details: { readonly position?: number; readonly path?: string };
}

let cluster: TestCluster;
let url: string;

beforeAll(async () => {
  cluster = await TestCluster.start({
    nodes: ["a"],
    config: "ingest: { maxRecordBytes: 64KiB, maxBodyBytes: 1MiB }\n",
  });
  await cluster.untilReady();
  url = `${cluster.url("a")}/v1/logs/audit/records`;
});

afterAll(async () => cluster.close());

const GOOD = { actor: { id: "u" }, action: "a.b" };

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = { a: value };
  return value;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
/** A good record, then `bytes`, as a sequence of msgpack values. */
const afterGood = (bytes: Uint8Array) => Buffer.concat([pack(GOOD), bytes]);

const CASES: readonly [string, string, Uint8Array, Partial<Problem>][] = [
  [
    "a record without actor.id",
    "application/json",
    json([GOOD, { actor: {}, action: "x" }]),
    { status: 400, details: { position: 1, path: "actor.id" } },
  ],
  [
    "a record without action",
    "application/json",
    json([{ actor: { id: "u" } }]),
    { status: 400, details: { position: 0, path: "action" } },
  ],
  [
    "an unknown top-level key",
    "application/json",
    json([GOOD, GOOD, { ...GOOD, colour: 1 }]),
    { status: 400, details: { position: 2, path: "colour" } },
  ],
  [
    "a record over the size limit",
    "application/json",
    json([GOOD, { ...GOOD, data: { x: "y".repeat(70_000) } }]),
    { status: 413, details: { position: 1 } },
  ],
  [
    "a body over the size limit",
    "application/json",
    Buffer.alloc(2 * 1024 * 1024, " "),
    { status: 413 },
  ],
  [
    "a text that is not UTF-8",
    "application/json",
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    { status: 400 },
  ],
  [
    "a duplicate key",
    "application/x-ndjson",
    Buffer.from('{"actor":{"id":"u"},"action":"x"}\n{"actor":{"id":"u","id":"v"},"action":"x"}\n'),
    { status: 400, details: { position: 1, path: "actor.id" } },
  ],
  [
    "depth beyond 32",
    "application/json",
    json([{ ...GOOD, data: nested(33) }]),
    { status: 400, details: { position: 0 } },
  ],
  [
    "a msgpack extension",
    "application/msgpack",
    afterGood(pack({ ...GOOD, data: { at: new Date(0) } })),
    { status: 400, details: { position: 1 } },
  ],
  [
    "a truncated msgpack body",
    "application/msgpack",
    afterGood(pack(GOOD).subarray(0, 10)),
    { status: 400 },
  ],
  [
    "trailing bytes",
    "application/msgpack",
    Buffer.concat([pack([GOOD]), Buffer.of(0xc1)]),
    { status: 400 },
  ],
  [
    "a broken line of NDJSON",
    "application/x-ndjson",
    Buffer.from(`${JSON.stringify(GOOD)}\n{"actor"\n`),
    { status: 400, details: { position: 1 } },
  ],
  ["an unknown content type", "text/plain", Buffer.from("x"), { status: 415 }],
];

it.each(CASES)("refuses %s and stores nothing", async (_name, type, body, expected) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": type },
    body: new Uint8Array(body),
  });
  const problem = (await response.json()) as Problem;
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect(problem).toMatchObject({ ...expected, code: expect.stringMatching(/^ERR_[A-Z0-9_]+$/) });
  const read = await fetch(url);
  expect(await read.json()).toMatchObject({ items: [] });
});

it("still takes good records after all that", async () => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(GOOD),
  });
  expect(await response.json()).toMatchObject({ firstSeq: 1, lastSeq: 1 });
});
