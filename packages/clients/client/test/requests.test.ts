// Goal: what the client asks for, and what it makes of the answer, is as the protocol says. Method: a caller that keeps what it is asked for.
import { beforeEach, describe, expect, test } from "vitest";
import { downloadBlob, uploadBlob } from "../src/blobs.ts";
import type { Call, Caller } from "../src/caller.ts";
import { JsonBytes } from "../src/jsonBytes.ts";
import { pageCall } from "../src/pageCall.ts";
import { recordsOf, recordText } from "../src/recordText.ts";
import { LogSchemas } from "../src/schemas.ts";
import type { AuditRecord } from "../src/types.ts";

let calls: Call[];
let answer: unknown;
let caller: Caller;
const { signal } = new AbortController();
const json = { "content-type": "application/json" };

beforeEach(() => {
  [calls, answer] = [[], {}];
  const call = async (one: Call): Promise<unknown> => {
    calls.push(one);
    return answer;
  };
  caller = { call, stream: call } as unknown as Caller;
});

describe("schemas", () => {
  const path = "/v1/logs/my%2Flog/schemas";

  test("of a log are asked for, set and removed by their action", async () => {
    const schemas = new LogSchemas(caller, "my/log");
    answer = { items: ["one"] };
    expect(await schemas.list({ signal })).toEqual(["one"]);
    await schemas.get("a/b", { signal });
    await schemas.set("a/b", { type: "object" }, { signal });
    await schemas.remove("a/b", { signal });
    const common = { log: undefined, signal, repeat: "safe" };
    expect(calls).toEqual([
      { ...common, method: "GET", path },
      { ...common, method: "GET", path: `${path}/a%2Fb` },
      { ...common, method: "PUT", path: `${path}/a%2Fb`, headers: json, body: '{"type":"object"}' },
      { ...common, method: "DELETE", path: `${path}/a%2Fb` },
    ]);
  });
});

describe("blobs", () => {
  const sha256 = "ab".repeat(32);

  test("an upload says what it is, and has time for its bytes", async () => {
    const read = (): never => {
      throw new Error("not read yet");
    };
    await uploadBlob(caller, "/v1/logs/audit", "audit", { sha256, bytes: 6401, read }, { signal });
    expect(calls).toEqual([
      {
        method: "PUT",
        path: `/v1/logs/audit/blobs/${sha256}`,
        log: "audit",
        headers: { "content-type": "application/octet-stream", "content-length": "6401" },
        body: read,
        signal,
        repeat: "safe",
        extraMs: 101,
      },
    ]);
  });

  test("a download is a stream; an answer without one is none", async () => {
    answer = { body: "bytes" };
    const download = () => downloadBlob(caller, "/v1/logs/audit", "audit", "a/b", { signal });
    expect(await download()).toBe("bytes");
    expect(calls).toMatchObject([{ path: "/v1/logs/audit/blobs/a%2Fb", log: "audit", signal }]);
    answer = { body: null };
    await expect(download()).rejects.toMatchObject({ code: "ERR_ANSWER_INVALID" });
  });
});

describe("pages", () => {
  const headers = { "annals-covered": "3-9", "annals-next": "n", "annals-more": "true" };
  const decoded = (text: string, told: Record<string, string>): unknown =>
    pageCall("/p", {}, "exact").decode?.(text, new Headers(told));

  test("ask for what is given, and wait only if asked to", () => {
    const call = (query: object): Call => pageCall("/p", query, "exact") as Call;
    expect(call({ from: 3, actor: undefined, action: "a b" })).toMatchObject({
      method: "GET",
      path: "/p?from=3&action=a+b",
      headers: { accept: "application/x-ndjson" },
      repeat: "safe",
      extraMs: 0,
    });
    expect(call({ waitMs: 1 })).toMatchObject({ path: "/p?wait=1ms", extraMs: 1 });
    expect(call({ waitMs: 0 }).path).toBe("/p?");
  });

  test("say what they cover, and whether there is more", () => {
    expect(decoded('{"seq":3}\n{"seq":9}\n', headers)).toEqual({
      items: [{ seq: 3 }, { seq: 9 }],
      covered: { from: 3, to: 9 },
      next: "n",
      more: true,
    });
    expect(decoded("", { "annals-covered": "3-2" })).toEqual({
      items: [],
      covered: { from: 3, to: 2 },
      next: null,
      more: false,
    });
    for (const told of [{}, { "annals-covered": "3" }, { "annals-covered": "x3-9" }])
      expect(() => decoded("", told)).toThrow(SyntaxError);
  });
});

describe("texts of records", () => {
  test("a record that came from a log has the log's, a copy is stringified", () => {
    const lines = ['{"b":1,"2":3, "1":1.0}', '{"a":2}'];
    const records = recordsOf(`${lines.join("\n")}\n`, "exact");
    expect(records.map((record) => recordText(record))).toEqual(lines);
    const [first] = records;
    if (first === undefined) throw new Error("no record");
    expect(JSON.parse(recordText({ ...first }))).toEqual({ b: 1, 1: 1, 2: 3 });
    expect(recordText({ ...first })).not.toBe(lines[0]);
  });

  test("a writer takes one record, not several", () => {
    const several = [{ actor: { id: "a" }, action: "b" }] as unknown as AuditRecord;
    expect(() => new JsonBytes().of(several)).toThrow(
      expect.objectContaining({ name: "ClientError" }),
    );
  });
});
