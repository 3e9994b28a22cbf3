/** Goal: each header and each field of a small body is taken as documented, or refused by name. Method: tables of what clients send. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { appendHeaders, assertNoEncoding, parseAppendHead } from "../src/appendRequest.ts";
import { parseFields, parseTextFields } from "../src/jsonBody.ts";
import { problemOf } from "../src/problem.ts";

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return problemOf(error).code;
  }
}

const JSON_TYPE = { "content-type": "application/json" };
const read = (headers: Record<string, string>) => parseAppendHead({ ...JSON_TYPE, ...headers });

describe("the head of an append", () => {
  test("is what is usual where nothing is said", () => {
    expect(read({})).toEqual({
      contentType: "application/json",
      encoding: undefined,
      producer: undefined,
      timeoutMs: 10_000,
    });
  });

  test.each([
    {},
    { "annals-timeout": "1ms" },
    { "annals-timeout": "1m" },
    { "content-type": "application/jsonl; charset=utf-8" },
    { "annals-producer": "a.b/c@d:e+f; epoch=3; sequence=999999999999999" },
  ])("is written as it is read: %j", (headers) => {
    const head = read(headers);
    expect(parseAppendHead(appendHeaders(head))).toEqual(head);
  });

  test.each([
    ["application/json", "application/json"],
    ["Application/JSON; charset=UTF-8", "application/json"],
    ['application/x-ndjson;charset="utf-8";', "application/x-ndjson"],
    ["application/jsonl", "application/x-ndjson"],
    ["application/x-jsonlines", "application/x-ndjson"],
    ["application/msgpack", "application/msgpack"],
    ["application/vnd.msgpack", "application/msgpack"],
    ["application/x-msgpack", "application/msgpack"],
    ["application/json; charset=latin1", "ERR_CONTENT_TYPE_UNSUPPORTED"],
    ["application/json; charset=utf-8x", "ERR_CONTENT_TYPE_UNSUPPORTED"],
    ["text/plain", "ERR_CONTENT_TYPE_UNSUPPORTED"],
    ["", "ERR_CONTENT_TYPE_UNSUPPORTED"],
  ])("type %j is %s", (type, expected) => {
    expect(codeOf(() => read({ "content-type": type }).contentType)).toBe(expected);
  });

  test.each([
    ["gzip", "gzip"],
    ["X-Gzip", "gzip"],
    [" zstd ", "zstd"],
    ["", undefined],
    ["identity", undefined],
    ["gzip, zstd", "ERR_CONTENT_ENCODING_UNSUPPORTED"],
    ["br", "ERR_CONTENT_ENCODING_UNSUPPORTED"],
  ])("encoding %j is %s", (encoding, expected) => {
    expect(codeOf(() => read({ "content-encoding": encoding }).encoding)).toBe(expected);
  });

  test.each([
    ["1ms", 1],
    ["5s", 5000],
    ["60s", 60_000],
    ["60001ms", "ERR_HEADER_INVALID"],
    ["0s", "ERR_HEADER_INVALID"],
    ["5", "ERR_HEADER_INVALID"],
    ["", "ERR_HEADER_INVALID"],
  ])("timeout %j is %s", (timeout, expected) => {
    expect(codeOf(() => read({ "annals-timeout": timeout }).timeoutMs)).toBe(expected);
  });

  test.each([
    ["p;epoch=1;sequence=1", { id: "p", epoch: 1, sequence: 1 }],
    [
      "a.b_c:d@e/f+g-1; epoch=22; sequence=333",
      { id: "a.b_c:d@e/f+g-1", epoch: 22, sequence: 333 },
    ],
    [`${"p".repeat(64)};epoch=1;sequence=1`, { id: "p".repeat(64), epoch: 1, sequence: 1 }],
    [`${"p".repeat(65)};epoch=1;sequence=1`, "ERR_HEADER_INVALID"],
    ["p;epoch=0;sequence=1", "ERR_HEADER_INVALID"],
    ["p;epoch=1;sequence=0", "ERR_HEADER_INVALID"],
    ["p;epoch=1", "ERR_HEADER_INVALID"],
    ["p q;epoch=1;sequence=1", "ERR_HEADER_INVALID"],
    [";epoch=1;sequence=1", "ERR_HEADER_INVALID"],
    ["p;epoch=1;sequence=1;", "ERR_HEADER_INVALID"],
    [`p;epoch=${"9".repeat(16)};sequence=1`, "ERR_HEADER_INVALID"],
  ])("producer %j is %j", (stamp, expected) => {
    expect(codeOf(() => read({ "annals-producer": stamp }).producer)).toEqual(expected);
  });

  test.each([
    [undefined, undefined],
    ["Identity", undefined],
    ["gzip", "ERR_CONTENT_ENCODING_UNSUPPORTED"],
  ])("of another body: encoding %j is %s", (encoding, expected) => {
    const headers = encoding === undefined ? {} : { "content-encoding": encoding };
    expect(codeOf(() => assertNoEncoding(headers))).toBe(expected);
  });
});

describe("a small body", () => {
  const texts = (body: string | Uint8Array, type: string | undefined = "application/json") =>
    codeOf(() => parseTextFields(Buffer.from(body), type, ["name", "other"]));

  test.each([
    ["", {}],
    ["{}", {}],
    ['{"name":"a","other":"b"}', { name: "a", other: "b" }],
    ['{"nam":"a"}', "ERR_PARAMETER_UNKNOWN"],
    ['{"name":7}', "ERR_PARAMETER_INVALID"],
    ['{"name":null}', "ERR_PARAMETER_INVALID"],
    ["[]", "ERR_BODY_MALFORMED"],
    ["null", "ERR_BODY_MALFORMED"],
    ['"text"', "ERR_BODY_MALFORMED"],
    ["{", "ERR_BODY_MALFORMED"],
  ])("%j is %j", (body, expected) => {
    expect(texts(body)).toEqual(expected);
  });

  test("is JSON in UTF-8, and says so unless it is empty", () => {
    expect(texts(Uint8Array.of(0x22, 0xff, 0x22))).toBe("ERR_BODY_MALFORMED");
    expect(texts("{}", "application/json ; charset=utf-8")).toEqual({});
    expect(texts("{}", "application/jsonp")).toBe("ERR_CONTENT_TYPE_UNSUPPORTED");
    expect(codeOf(() => parseTextFields(Buffer.from("{}"), undefined, []))).toBe(
      "ERR_CONTENT_TYPE_UNSUPPORTED",
    );
    expect(codeOf(() => parseTextFields(Buffer.from(""), undefined, []))).toEqual({});
  });

  test("of a shape names the field that is not of it", () => {
    const shape = z.strictObject({ to: z.strictObject({ seq: z.int() }) });
    const fields = (body: string) => () =>
      parseFields(Buffer.from(body), "application/json", shape);
    expect(fields('{"to":{"seq":7}}')()).toEqual({ to: { seq: 7 } });
    expect(fields('{"to":{"seq":"7"}}')).toThrow(/^to\.seq: /);
    expect(fields('{"to":{"seq":7},"more":1}')).toThrow('unknown field "more"');
    expect(codeOf(fields('{"to":{"seq":7,"more":1}}'))).toBe("ERR_PARAMETER_UNKNOWN");
    expect(codeOf(fields("{}"))).toBe("ERR_PARAMETER_INVALID");
  });
});
