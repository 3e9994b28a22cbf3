// Goal: what the routes of groups ask of the node, and what they refuse. Method: a real server over a node in memory that notes it.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
});

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${server.url}/v1/logs/audit/groups${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const { code, detail } = answer as { code: string; detail: string };
  return `${response.status} ${code}: ${detail}`;
}

describe("a request", () => {
  test.each([
    [
      "POST",
      "",
      { name: "sinks" },
      { op: "create", name: "sinks", settings: "", lanes: 1, from: { at: "first" } },
    ],
    [
      "POST",
      "",
      { name: "sinks", settings: "v1", lanes: 4, from: "2026-01-02T00:00:00Z" },
      {
        op: "create",
        name: "sinks",
        settings: "v1",
        lanes: 4,
        from: { at: "time", time: Date.parse("2026-01-02T00:00:00Z") },
      },
    ],
    ["POST", "/g/reset", { to: 7 }, { op: "reset", name: "g", to: { at: "seq", seq: 7 } }],
    ["POST", "/g/reset", { to: "end" }, { op: "reset", name: "g", to: { at: "end" } }],
    ["DELETE", "/g", undefined, { op: "delete", name: "g" }],
    [
      "POST",
      "/g/acquire",
      { member: "one", lane: 2 },
      { op: "acquire", name: "g", member: "one", settings: "", feeds: "", lane: 2 },
    ],
    ["POST", "/g/renew", { lane: 0, token: 9 }, { op: "renew", name: "g", lane: 0, token: 9 }],
    [
      "POST",
      "/g/commit",
      { lane: 0, token: 9, position: 12 },
      { op: "commit", name: "g", lane: 0, token: 9, position: 12 },
    ],
    ["POST", "/g/release", { lane: 0, token: 9 }, { op: "release", name: "g", lane: 0, token: 9 }],
  ])("%s groups%s %j", async (method, path, body, asked) => {
    await call(method, path, body);
    expect(server.service.groupRequests).toEqual([asked]);
  });

  test("for one group shows it, or says that there is none", async () => {
    const groups = [{ name: "g", settings: "", lag: 0, lanes: [] }];
    server.service.groupAnswer = () => groups;
    expect(await call("GET", "")).toEqual({ items: groups, next: null });
    expect(await call("GET", "/g")).toEqual(groups[0]);
    expect(await call("GET", "/h")).toMatch("404 ERR_GROUP_NOT_FOUND");
  });
});

describe("refuses", () => {
  test.each([
    ["", {}, "400 ERR_PARAMETER_INVALID: name:"],
    ["", { name: "Bad Name" }, "400 ERR_PARAMETER_INVALID: name: expected the characters"],
    ["", { name: "g", lanes: 0 }, "400 ERR_PARAMETER_INVALID: lanes:"],
    ["", { name: "g", lanes: 65 }, "400 ERR_PARAMETER_INVALID: lanes:"],
    ["", { name: "g", from: "tomorrow" }, "400 ERR_PARAMETER_INVALID: from: expected a time"],
    ["", { name: "g", form: "first" }, '400 ERR_PARAMETER_UNKNOWN: unknown field "form"'],
    ["", [], "400 ERR_BODY_MALFORMED"],
    ["/g/acquire", { member: "" }, "400 ERR_PARAMETER_INVALID: member:"],
    ["/g/commit", { lane: 0, token: 0, position: 1 }, "400 ERR_PARAMETER_INVALID: token:"],
    ["/g/commit", { lane: 0, token: 1, position: -1 }, "400 ERR_PARAMETER_INVALID: position:"],
  ])("groups%s %j", async (path, body, refusal) => {
    expect(await call("POST", path, body)).toMatch(refusal);
    expect(server.service.groupRequests).toEqual([]);
  });
});
