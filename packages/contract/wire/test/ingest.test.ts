// Goal: each kind of bad input is refused with its code, position and path, in msgpack and in JSON alike, and never quoted.
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { BadInputError, RECORD_LIMITS } from "@annals/record";
import type { RecordLimits } from "@annals/record";
import { decodeRecord, encodeRecord } from "../src/recordCodec.ts";
import { parseIngestBody, parseIngestBodyInSteps } from "../src/ingest.ts";

const packr = new Packr({ useRecords: false, variableMapSize: true });
const good = { actor: { id: "alice" }, action: "file.read" };
const limits: RecordLimits = {
  ...RECORD_LIMITS,
  maxRecordBytes: 2000,
  maxRecords: 5,
  maxElements: 100,
};

interface Refusal {
  readonly code: string;
  readonly position: number | undefined;
  readonly path: string;
}

function refusal(work: () => unknown): Refusal | string {
  try {
    work();
    return "accepted";
  } catch (error) {
    if (!(error instanceof BadInputError)) return String(error);
    expect(error.message).not.toContain("s3cret");
    expect(error.tooLarge).toBe(/TOO_LARGE|TOO_MANY_RECORDS/.test(error.code));
    return { code: error.code, position: error.place.position, path: error.place.path };
  }
}

function offsetOf(body: Uint8Array): number {
  try {
    parseIngestBody("application/json", body, limits);
  } catch (error) {
    if (error instanceof BadInputError) return error.place.offset ?? -1;
  }
  return Number.POSITIVE_INFINITY;
}

test.each(['"\\', '{"actor":{"id":"\\', '{"actor":{"id":"\\u00', '{"actor":{"id":"\\ud800\\'])(
  "the refusal of %s does not point beyond it",
  (text) => {
    expect(offsetOf(Buffer.from(text))).toBeLessThanOrEqual(text.length);
  },
);

const msgpack = (body: Uint8Array) =>
  refusal(() => parseIngestBody("application/msgpack", body, limits));
const json = (text: string | Uint8Array) =>
  refusal(() =>
    parseIngestBody(
      "application/json",
      typeof text === "string" ? Buffer.from(text) : text,
      limits,
    ),
  );
const ndjson = (text: string) =>
  refusal(() => parseIngestBody("application/x-ndjson", Buffer.from(text), limits));

const SHA = "a".repeat(64);
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
const wide = Object.fromEntries(Array.from({ length: 60 }, (_, k) => [`k${k}`, k]));

const WRONG_RECORDS: readonly (readonly [string, unknown, string, string])[] = [
  ["no actor", { action: "a" }, "FIELD_MISSING", "actor"],
  ["no actor.id", { actor: { type: "user" }, action: "a" }, "FIELD_MISSING", "actor.id"],
  ["an empty actor.id", { actor: { id: "" }, action: "a" }, "FIELD_VALUE", "actor.id"],
  ["an actor.id that is no string", { actor: { id: 5 }, action: "a" }, "FIELD_TYPE", "actor.id"],
  ["an actor that is a string", { actor: "alice", action: "a" }, "FIELD_TYPE", "actor"],
  ["no action", { actor: { id: "a" } }, "FIELD_MISSING", "action"],
  ["an empty action", { ...good, action: "" }, "FIELD_VALUE", "action"],
  ["an unknown key", { ...good, severity: "s3cret" }, "FIELD_UNKNOWN", "severity"],
  ["a key that is not shown", { ...good, "\u0007": 1 }, "FIELD_UNKNOWN", "?"],
  ["a time that is a number", { ...good, time: 1_700_000_000 }, "FIELD_TYPE", "time"],
  ["a time without a zone", { ...good, time: "2026-01-31T12:00:00" }, "FIELD_VALUE", "time"],
  ["the 30th of February", { ...good, time: "2026-02-30T12:00:00Z" }, "FIELD_VALUE", "time"],
  ["the hour 24", { ...good, time: "2026-02-20T24:00:00Z" }, "FIELD_VALUE", "time"],
  ["a null tenant", { ...good, tenant: null }, "FIELD_TYPE", "tenant"],
  ["another outcome", { ...good, outcome: "s3cret" }, "FIELD_VALUE", "outcome"],
  ["targets that are a map", { ...good, targets: { id: "x" } }, "FIELD_TYPE", "targets"],
  [
    "a target without id",
    { ...good, targets: [{ id: "x" }, { type: "f" }] },
    "FIELD_MISSING",
    "targets[1].id",
  ],
  ["a target that is no map", { ...good, targets: ["x"] }, "FIELD_TYPE", "targets[0]"],
  [
    "a change without path",
    { ...good, changes: [{ before: 1 }] },
    "FIELD_MISSING",
    "changes[0].path",
  ],
  [
    "a change that says more",
    { ...good, changes: [{ path: "x", why: 1 }] },
    "FIELD_UNKNOWN",
    "changes[0].why",
  ],
  [
    "a short digest",
    { ...good, attachments: [{ sha256: "ab", bytes: 1 }] },
    "FIELD_VALUE",
    "attachments[0].sha256",
  ],
  [
    "upper-case digest",
    { ...good, attachments: [{ sha256: SHA.toUpperCase(), bytes: 1 }] },
    "FIELD_VALUE",
    "attachments[0].sha256",
  ],
  [
    "negative bytes",
    { ...good, attachments: [{ sha256: SHA, bytes: -1 }] },
    "FIELD_VALUE",
    "attachments[0].bytes",
  ],
  [
    "half a byte",
    { ...good, attachments: [{ sha256: SHA, bytes: 0.5 }] },
    "FIELD_VALUE",
    "attachments[0].bytes",
  ],
  ["data that is an array", { ...good, data: [] }, "FIELD_TYPE", "data"],
  ["depth beyond the limit", { ...good, data: { x: deep(31) } }, "TOO_DEEP", ""],
  ["too many elements", { ...good, data: wide }, "TOO_MANY_ELEMENTS", ""],
  ["a record over the size", { ...good, data: { x: "s3cret".repeat(400) } }, "TOO_LARGE", ""],
  ["a record that is a number", 7, "FIELD_TYPE", ""],
];

describe.each(WRONG_RECORDS)("%s", (_name, record, code, path) => {
  // Where the walk stands when a limit is met depends on the format; the record does not.
  const expected = {
    code: `ERR_RECORD_${code}`,
    position: 1,
    path: path === "" ? expect.any(String) : path,
  };

  test("in msgpack, as an array and as a sequence", () => {
    expect(msgpack(packr.pack([good, record, good]))).toEqual(expected);
    expect(
      msgpack(Buffer.concat([packr.pack(good), packr.pack(record), packr.pack(good)])),
    ).toEqual(expected);
  });

  test("in JSON and NDJSON", () => {
    expect(json(JSON.stringify([good, record, good]))).toEqual(expected);
    expect(ndjson(`${JSON.stringify(good)}\n\n${JSON.stringify(record)}\n`)).toEqual(expected);
  });
});

const FULL = {
  actor: { type: "user", id: "älice", mail: "a@example.org" },
  action: "file.write",
  time: "2024-02-29T23:59:60.123456+05:30",
  targets: [{ type: "file", id: "/etc/hosts", size: 12.5 }],
  outcome: "denied",
  tenant: "t",
  context: {
    ip: "::1",
    nested: { deep: [1, -1, 2 ** 40, -(2 ** 40), 1e300, true, false, null, '😀\n"\\'] },
  },
  changes: [{ path: "mode", before: 420, after: null }],
  attachments: [{ sha256: SHA, bytes: 2 ** 33, mediaType: "text/plain" }],
  data: {},
  id: "e-1",
};

test("a full record passes in each format and reads back the same", () => {
  const bodies = [
    ["application/msgpack", packr.pack([FULL])],
    ["application/json", Buffer.from(JSON.stringify(FULL, undefined, 2))],
    ["application/x-ndjson", Buffer.from(`\uFEFF${JSON.stringify(FULL)}`)],
  ] as const;
  for (const [type, body] of bodies) {
    const { records } = parseIngestBody(type, body, limits);
    expect(records.map(decodeRecord)).toEqual([FULL]);
  }
});

test("what records attach is told by position, in each format", () => {
  const plain = { actor: { id: "a" }, action: "b" };
  const naming = (...digests: string[]) => ({
    ...plain,
    attachments: digests.map((sha256) => ({ sha256, bytes: 1 })),
  });
  const other = SHA.replace(/^./, "0");
  const list = [plain, naming(SHA, other), { ...plain, data: { sha256: SHA } }, naming(SHA)];
  const bodies = [
    ["application/msgpack", packr.pack(list)],
    ["application/json", Buffer.from(JSON.stringify(list))],
    ["application/x-ndjson", Buffer.from(list.map((one) => JSON.stringify(one)).join("\n"))],
  ] as const;
  for (const [type, body] of bodies) {
    expect([...parseIngestBody(type, body, limits).attachments]).toEqual([
      [1, [SHA, other]],
      [3, [SHA]],
    ]);
  }
});

test("a record with more attachments than allowed is refused", () => {
  const attachments = Array.from({ length: 65 }, () => ({ sha256: SHA, bytes: 1 }));
  const body = Buffer.from(JSON.stringify({ ...FULL, attachments }));
  expect(() => parseIngestBody("application/json", body, RECORD_LIMITS)).toThrow(
    expect.objectContaining({ code: "ERR_RECORD_TOO_MANY_ATTACHMENTS" }),
  );
});

test("msgpack records are views of the body", () => {
  const body = packr.pack([good, good]);
  const { records } = parseIngestBody("application/msgpack", body, limits);
  expect(records.map((record) => record.buffer)).toEqual([body.buffer, body.buffer]);
  expect(records.map(decodeRecord)).toEqual([good, good]);
});

const B = (...bytes: number[]): Buffer => Buffer.from(bytes);
const head = packr.pack({ actor: { id: "a" }, action: "b" });

/** The good record with a `data` map of one key `v` and these bytes as its value. */
function withValue(value: Uint8Array): Buffer {
  const body = Buffer.concat([
    head,
    Buffer.from([0xa4]),
    Buffer.from("data"),
    B(0x81, 0xa1, 0x76),
    value,
  ]);
  body[0] = (body[0] ?? 0) + 1;
  return body;
}

test.each([
  ["an extension type", B(0xd4, 0x02, 0x00), "ERR_RECORD_EXTENSION_TYPE"],
  ["digits of no number", B(0xd4, 0x01, 0x2e), "ERR_RECORD_NUMBER"],
  ["digits of a number that a double holds", B(0xd4, 0x01, 0x37), "ERR_RECORD_NUMBER"],
  ["digits beyond the end", B(0xc7, 0x05, 0x01, 0x37), "ERR_BODY_TRUNCATED"],
  ["a timestamp", B(0xd6, 0xff, 0, 0, 0, 0), "ERR_RECORD_EXTENSION_TYPE"],
  ["the record extension", B(0xd4, 0x72, 0x40), "ERR_RECORD_EXTENSION_TYPE"],
  ["the unused byte", B(0xc1), "ERR_BODY_MALFORMED"],
  ["not a number", B(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0), "ERR_RECORD_NUMBER"],
  ["infinity", B(0xca, 0x7f, 0x80, 0, 0), "ERR_RECORD_NUMBER"],
  ["a string that is no UTF-8", B(0xa2, 0xc0, 0xaf), "ERR_RECORD_NOT_UTF8"],
  ["a surrogate in UTF-8", B(0xa3, 0xed, 0xa0, 0x80), "ERR_RECORD_NOT_UTF8"],
  ["a key that is no string", B(0x81, 0x01, 0x01), "ERR_RECORD_KEY"],
  [
    "the key __proto__",
    Buffer.concat([B(0x81, 0xa9), Buffer.from("__proto__"), B(1)]),
    "ERR_RECORD_KEY",
  ],
  ["a duplicate key", B(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2), "ERR_RECORD_DUPLICATE_KEY"],
  ["a string of four billion bytes", B(0xdb, 0xff, 0xff, 0xff, 0xff), "ERR_BODY_TRUNCATED"],
  ["an array of four billion", B(0xdd, 0xff, 0xff, 0xff, 0xff), "ERR_BODY_TRUNCATED"],
  ["a map of four billion", B(0xdf, 0xff, 0xff, 0xff, 0xff), "ERR_BODY_TRUNCATED"],
])("msgpack: %s is refused", (_name, value, code) => {
  expect(msgpack(withValue(B(0xc3)))).toBe("accepted");
  expect(msgpack(withValue(value))).toMatchObject({ code, position: 0 });
});

test.each([
  ["\\ud7ff", "accepted"],
  ["\\ue000", "accepted"],
  ["\\ud800", "refused"],
  ["\\udbff", "refused"],
  ["\\udc00", "refused"],
  ["\\udfff", "refused"],
  ["\\ud800\\udbff", "refused"],
  ["\\ud800\\udc00", "accepted"],
  ["\\ud800\\udfff", "accepted"],
  ["\\ud800\\ue000", "refused"],
  ["\\udbff\\udc00", "accepted"],
  ["\\udbff\\udfff", "accepted"],
  ["\\udc00\\udc00", "refused"],
  ["\\udfff\\ud800", "refused"],
  ["\\ud800x", "refused"],
  ["\\ud800\\n", "refused"],
])("json: the escapes %s are %s, as their neighbours say", (escapes, verdict) => {
  const found = json(`{"actor":{"id":"a"},"action":"b","data":{"v":"${escapes}"}}`);
  expect(found === "accepted" ? found : "refused").toBe(verdict);
});

test("msgpack: every cut of a body is refused, and so is what follows an array", () => {
  const body = packr.pack([FULL, good]);
  for (let length = 0; length < body.length; length++)
    expect(msgpack(body.subarray(0, length))).toMatchObject({
      code: expect.stringMatching(/^ERR_BODY_(TRUNCATED|EMPTY)$/),
    });
  expect(msgpack(Buffer.concat([body, B(0xc0)]))).toMatchObject({ code: "ERR_BODY_TRAILING" });
  expect(msgpack(B(0x90))).toMatchObject({ code: "ERR_BODY_EMPTY" });
});

test("too many records are refused by their number", () => {
  const six = Array.from({ length: 6 }, () => good);
  expect(msgpack(packr.pack(six))).toMatchObject({ code: "ERR_BODY_TOO_MANY_RECORDS" });
  expect(msgpack(Buffer.concat(six.map((record) => packr.pack(record))))).toMatchObject({
    code: "ERR_BODY_TOO_MANY_RECORDS",
  });
  expect(json(JSON.stringify(six))).toMatchObject({ code: "ERR_BODY_TOO_MANY_RECORDS" });
  expect(ndjson(six.map((record) => JSON.stringify(record)).join("\n"))).toMatchObject({
    code: "ERR_BODY_TOO_MANY_RECORDS",
  });
});

test("duplicates are found among many keys, and in any spelling of JSON", () => {
  const pairs = Array.from({ length: 40 }, (_, k) => `"k${k}":1`).join(",");
  const record = (data: string) => `{"actor":{"id":"a"},"action":"b","data":{${data}}}`;
  expect(json(record(pairs))).toBe("accepted");
  expect(json(record(`${pairs},"k3":2`))).toMatchObject({
    code: "ERR_RECORD_DUPLICATE_KEY",
    path: "data.k3",
  });
  expect(json(record(`${pairs},"k39":2`))).toMatchObject({
    code: "ERR_RECORD_DUPLICATE_KEY",
    path: "data.k39",
  });
  expect(json(record(`"a":1,"\\u0061":2`))).toMatchObject({
    code: "ERR_RECORD_DUPLICATE_KEY",
    path: "data.a",
  });
  expect(json(`{"actor":{"id":"a"},"action":"b","action":"c"}`)).toMatchObject({
    code: "ERR_RECORD_DUPLICATE_KEY",
    path: "action",
  });
});

test.each([
  ["", "ERR_BODY_EMPTY"],
  ["[]", "ERR_BODY_EMPTY"],
  ["[", "ERR_BODY_TRUNCATED"],
  ['{"actor":', "ERR_BODY_TRUNCATED"],
  ['{"actor":"x', "ERR_BODY_TRUNCATED"],
  ["{} {}", "ERR_RECORD_FIELD_MISSING"],
  [`${JSON.stringify(good)},`, "ERR_BODY_TRAILING"],
  ["[{}", "ERR_RECORD_FIELD_MISSING"],
  [`[${JSON.stringify(good)}`, "ERR_BODY_TRUNCATED"],
  [`[${JSON.stringify(good)};`, "ERR_BODY_MALFORMED"],
  ["{'a':1}", "ERR_BODY_MALFORMED"],
  ['{"a" 1}', "ERR_BODY_MALFORMED"],
  ['{"a":01}', "ERR_BODY_MALFORMED"],
  ['{"a":+1}', "ERR_BODY_MALFORMED"],
  ['{"a":1.}', "ERR_BODY_MALFORMED"],
  ['{"a":tru}', "ERR_BODY_MALFORMED"],
  ['{"a":"\\x"}', "ERR_BODY_MALFORMED"],
  ['{"a":"\t"}', "ERR_BODY_MALFORMED"],
  ['{"a":"\\u12g4"}', "ERR_BODY_MALFORMED"],
  ['{"a":"\\ud800"}', "ERR_RECORD_NOT_UTF8"],
  ['{"a":"\\udc00\\ud800"}', "ERR_RECORD_NOT_UTF8"],
  [`{"a":${"9".repeat(401)}}`, "ERR_RECORD_NUMBER"],
])("JSON: %s is refused", (text, code) => {
  expect(json(text)).toMatchObject({ code });
});

test("JSON that is no UTF-8 is refused, and NDJSON keeps to its lines", () => {
  expect(json(Buffer.concat([Buffer.from('{"a":"'), B(0xff), Buffer.from('"}')]))).toMatchObject({
    code: "ERR_RECORD_NOT_UTF8",
  });
  expect(ndjson('{"actor":\n{"id":"a"},"action":"b"}')).toMatchObject({
    code: "ERR_BODY_TRUNCATED",
    position: 0,
  });
  expect(ndjson(`${JSON.stringify(good)} ${JSON.stringify(good)}`)).toMatchObject({
    code: "ERR_BODY_TRAILING",
  });
});

test("what cannot be decoded is not quoted", () => {
  const bytes = Buffer.concat([encodeRecord({ ...good, data: { x: "s3cret" } }), B(0xa1)]);
  expect(() => decodeRecord(bytes)).toThrow(
    expect.objectContaining({
      code: "ERR_RECORD_UNREADABLE",
      message: expect.not.stringContaining("s3cret"),
    }),
  );
});

test("fields that are undefined are left out", () => {
  const record = { ...good, tenant: undefined };
  // @ts-expect-error the type forbids it, a caller in plain JavaScript may still do it
  expect(decodeRecord(encodeRecord(record))).toEqual(good);
});

test.each(["application/json", "application/x-ndjson", "application/msgpack"] as const)(
  "%s is read in steps between records",
  (type) => {
    const record = { ...good, data: { text: "x".repeat(900) } };
    const many = Array.from({ length: 1000 }, () => record);
    const body =
      type === "application/msgpack"
        ? packr.pack(many)
        : Buffer.from(
            type === "application/json"
              ? JSON.stringify(many)
              : many.map((one) => JSON.stringify(one)).join("\n"),
          );
    const steps = parseIngestBodyInSteps(type, body, RECORD_LIMITS);
    let count = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) count++;
    expect(count).toBeGreaterThanOrEqual(12);
    expect(count).toBeLessThanOrEqual(body.length / (64 * 1024));
    expect(step.value.records).toHaveLength(1000);
  },
);

const [longest, tooLong] = ["ä".repeat(1024), `a${"ä".repeat(1024)}`];

test("what can be asked for is taken up to the longest that can be asked for", () => {
  const targets = [{ id: longest }];
  const record = { actor: { id: longest }, action: longest, targets, tenant: longest };
  const body = Buffer.from(JSON.stringify(record));
  expect(parseIngestBody("application/json", body, RECORD_LIMITS).records).toHaveLength(1);
});

test.each([
  ["action", { ...good, action: tooLong }],
  ["actor.id", { ...good, actor: { id: tooLong } }],
  ["targets[0].id", { ...good, targets: [{ id: tooLong }] }],
  ["tenant", { ...good, tenant: tooLong }],
])("%s: what could not be asked for is not taken", (path, record) => {
  const body = Buffer.from(JSON.stringify(record));
  expect(() => parseIngestBody("application/json", body, RECORD_LIMITS)).toThrow(
    expect.objectContaining({
      code: "ERR_RECORD_FIELD_VALUE",
      place: expect.objectContaining({ path }),
    }),
  );
});
