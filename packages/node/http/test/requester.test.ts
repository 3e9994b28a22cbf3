/** Goal: who asks, from where, and for what is read from a head as documented. Method: tables of heads and addresses. */
import { describe, expect, test } from "vitest";
import { parseParameters } from "../src/parameters.ts";
import { problemOf } from "../src/problem.ts";
import { parseReadRequest, parseRecordRequest } from "../src/readRequest.ts";
import { requesterOf } from "../src/requester.ts";
import { assertSameOrigin } from "../src/sameOrigin.ts";

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return problemOf(error).code;
  }
}

const PEERS = new Set(["b", "c"]);

test.each([
  ["GET", "/healthz", undefined, "operator"],
  ["HEAD", "/readyz?verbose", undefined, "operator"],
  ["GET", "/metrics", undefined, "operator"],
  ["GET", "/v1/cluster", undefined, "operator"],
  ["POST", "/healthz", undefined, "client"],
  ["GET", "/healthz/", undefined, "client"],
  ["GET", "/v1/logs", undefined, "client"],
  ["GET", "/v1/logs?path=/healthz", undefined, "client"],
  ["POST", "/v1/logs/a/records", "b", "node"],
  ["GET", "/healthz", "c", "node"],
  ["POST", "/v1/logs/a/records", "a", "client"],
  ["POST", "/v1/logs/a/records", "", "client"],
])("%s %s, passed on by %j, comes from a %s", (method, url, hop, kind) => {
  const headers = hop === undefined ? {} : { "annals-forwarded": hop };
  const requester = requesterOf({ method, url, headers }, PEERS);
  expect(requester).toEqual(kind === "node" ? { kind, node: hop } : { kind });
});

test.each([
  [undefined, "h:1", true],
  ["http://h:1", "h:1", true],
  ["https://h:1", "h:1", true],
  ["http://h:2", "h:1", false],
  ["http://h:1.evil", "h:1", false],
  ["null", "h:1", false],
  ["ws://h:1", "h:1", false],
])("a page of %j at %j may change something: %s", (origin, host, may) => {
  expect(codeOf(() => assertSameOrigin(origin, host))).toBe(
    may ? undefined : "ERR_ORIGIN_FORBIDDEN",
  );
});

test.each([
  ["/p", {}],
  ["/p?", {}],
  ["?a=1", { a: "1" }],
  ["/p?a=1&b=x%20y", { a: "1", b: "x y" }],
  ["/p?a=", { a: "" }],
  ["/p?a=&a=", "ERR_PARAMETER_UNKNOWN"],
  ["/p?c=1", "ERR_PARAMETER_UNKNOWN"],
  ["/p?a=1&a=1", "ERR_PARAMETER_UNKNOWN"],
])("the parameters of %s are %j", (url, expected) => {
  expect(codeOf(() => parseParameters(url, ["a", "b"]))).toEqual(expected);
});

describe("a read", () => {
  test.each([
    [undefined, "json"],
    [" ", "json"],
    ["*/*", "json"],
    ["application/*;q=0.1", "json"],
    ["application/x-ndjson", "ndjson"],
    ["Application/X-NDJSON; q=0.5, application/json; q=0.4", "ndjson"],
    ["application/x-ndjson; q=0.4, application/json; q=0.5", "json"],
    ["application/x-ndjson; q=0, */*", "json"],
    ["application/json; q=0", "ERR_NOT_ACCEPTABLE"],
    ["text/html", "ERR_NOT_ACCEPTABLE"],
  ])("by Accept %j is answered in %s", (accept, expected) => {
    expect(codeOf(() => parseReadRequest("/p", accept).format)).toBe(expected);
  });

  test.each([
    ["", 0],
    ["?wait=0s", 0],
    ["?wait=1500ms", 1500],
    ["?wait=60s", 60_000],
    ["?wait=60001ms", "ERR_PARAMETER_INVALID"],
    ["?wait=5", "ERR_PARAMETER_INVALID"],
  ])("with %j waits %s", (query, expected) => {
    expect(codeOf(() => parseReadRequest(`/p${query}`, undefined).waitMs)).toBe(expected);
  });

  test("of one record asks for that one", () => {
    expect(parseRecordRequest("/p?consistency=local", "7")).toMatchObject({
      from: 7,
      to: 7,
      limit: 1,
      consistency: "local",
      format: "record",
    });
    for (const seq of ["0", "-1", "1.5", "x", ""])
      expect(codeOf(() => parseRecordRequest("/p", seq))).toBe("ERR_PARAMETER_INVALID");
    expect(codeOf(() => parseRecordRequest("/p?limit=1", "7"))).toBe("ERR_PARAMETER_UNKNOWN");
  });
});
