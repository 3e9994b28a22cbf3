// Goal: an error says whether the request may be sent again, and whether anything of it can have been accepted. Method: tables of what a
// server answers, and of what a connection meets.
import { expect, test } from "vitest";
import { ClientError, errorOfAnswer, errorOfFault } from "../src/clientError.ts";

const NOTHING_TAKEN = [
  "ERR_OVERLOADED",
  "ERR_NODE_OVERLOADED",
  "ERR_UNCOMMITTED_FULL",
  "ERR_TOO_MANY_CONNECTIONS",
  "ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS",
  "ERR_NO_LEADER",
  "ERR_NOT_LEADER",
  "ERR_LEADER_UNREACHABLE",
  "ERR_REPLICA_CLOSED",
  "ERR_NOT_READY",
  "ERR_LOG_NOT_OPEN",
  "ERR_LOG_REPAIRING",
  "ERR_NODE_STOPPING",
  "ERR_NO_QUORUM",
  "ERR_DISK_FULL",
  "ERR_DISK_UNAVAILABLE",
];

const answered = (status: number, body: unknown, retryAfter: string | null = null): ClientError =>
  errorOfAnswer(status, body, retryAfter, "http://a:1");

test.each([
  ...NOTHING_TAKEN.map((code) => [503, code, true] as const),
  [504, "ERR_OUTCOME_UNKNOWN", false],
  [500, "ERR_INTERNAL", false],
  [503, "ERR_WORKER_LOST", false],
  // Whatever is wrong with a request is found before anything of it is taken.
  [499, "ERR_SOMETHING_NEW", true],
  [500, "ERR_SOMETHING_NEW", false],
] as const)("%i %s: nothing was accepted: %s", (status, code, notAccepted) => {
  const problem = { code, detail: "why", retryable: true, details: { at: 1 } };
  expect(answered(status, problem)).toMatchObject({
    name: "ClientError",
    code,
    message: "why",
    status,
    retryable: true,
    notAccepted,
    details: { at: 1 },
  });
});

test("only what says so may be sent again", () => {
  expect(answered(409, { code: "ERR_A", retryable: "true" })).toMatchObject({
    message: "ERR_A",
    retryable: false,
  });
});

test.each([
  [{ retryAfterMs: 40 }, "60", 40],
  [{ retryAfterMs: 0 }, "60", 0],
  [{ retryAfterMs: -1 }, "60", 60_000],
  [{ retryAfterMs: "40" }, "60", 60_000],
  [{}, "0", 0],
  [{}, "soon", undefined],
  [{}, null, undefined],
])("asked to wait by %j and the header %j: %s ms", (details, header, waitMs) => {
  expect(answered(503, { code: "ERR_A", details }, header).retryAfterMs).toBe(waitMs);
});

test.each([
  [500, undefined, true],
  [502, "<html>", true],
  [499, null, false],
  [404, { code: "NotOurs" }, false],
])("%i with %j is no answer of a server", (status, body, retryable) => {
  expect(answered(status, body)).toMatchObject({ code: "ERR_ANSWER_INVALID", status, retryable });
});

const fault = (code: string, message = "no"): Error =>
  new Error("fetch failed", { cause: Object.assign(new Error(message), { code }) });

test.each([
  ...[
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "UND_ERR_CONNECT_TIMEOUT",
  ].map((code) => [code, fault(code), true] as const),
  ["a port that is refused", new Error("x", { cause: new Error("bad port") }), true],
  ["ECONNRESET", fault("ECONNRESET"), false],
  ["UND_ERR_SOCKET", fault("UND_ERR_SOCKET", ""), false],
  ["what is no error", "oops", false],
] as const)("a connection that meets %s: nothing was sent: %s", (_what, met, neverSent) => {
  const code = neverSent ? "ERR_CONNECT_FAILED" : "ERR_OUTCOME_UNKNOWN";
  expect(errorOfFault(met, "http://a:1")).toMatchObject({
    code,
    retryable: true,
    notAccepted: neverSent,
    cause: met,
  });
});

test("an error of the client stays what it is, and one without words is told by its code", () => {
  const own = new ClientError("ERR_ABORTED", "aborted");
  expect(errorOfFault(own, "http://a:1")).toBe(own);
  expect(errorOfFault(fault("UND_ERR_SOCKET", ""), "http://a:1").message).toContain(
    "UND_ERR_SOCKET",
  );
});
