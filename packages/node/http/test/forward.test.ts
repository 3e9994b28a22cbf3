// Goal: a request that needs the leader gets there in one hop, unchanged, from whichever node it reached; and never circles.
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import {
  GROUP_SETTINGS_CHARACTERS_MAX,
  MEMBER_CHARACTERS_MAX,
  PATH_PART_CHARACTERS_MAX,
  PROBLEM_BYTES_MAX,
} from "@annals/api";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { GROUPS_MAX } from "@annals/flow";
import { AnnalsError, LANES_MAX } from "@annals/record";
import { SCHEMAS_PER_LOG_MAX } from "@annals/system";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ForwardTarget, NodeService } from "../src/service.ts";

const RECORD = JSON.stringify({ actor: { id: "ada" }, action: "login" });
let leader: TestServer;
let follower: TestServer;

beforeEach(async () => {
  leader = await startTestServer({ node: "a", address: "leader:1" });
  follower = await startTestServer({ node: "b", address: "follower:1" });
  pointAt(leader.address);
});
afterEach(async () => {
  await Promise.all([leader.close(), follower.close()]);
});

function pointAt(address: string): void {
  follower.service.target = () => ({ kind: "remote", node: "a", address });
}

async function append(headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${follower.url}/v1/logs/audit/records`, {
    method: "POST",
    body: RECORD,
    headers: { "content-type": "application/json", ...headers },
  });
}

describe("forwarding", () => {
  test("passes bytes, stamp and deadline; the answer names the leader", async () => {
    const response = await append({
      "annals-producer": "p;epoch=1;sequence=1",
      "annals-timeout": "3s",
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ firstSeq: 1 });
    expect(response.headers.get("annals-leader")).toBe("leader:1");
    expect(follower.service.appends).toEqual([]);
    expect(leader.service.appends).toMatchObject([
      { producer: { id: "p", epoch: 1, sequence: 1 }, timeoutMs: 3000 },
    ]);
    expect(Buffer.from(leader.service.appends[0]?.body ?? []).toString()).toBe(RECORD);
  });

  test("passes problem documents back", async () => {
    leader.service.beforeAppend = () => {
      throw new AnnalsError("ERR_OVERLOADED", "full", { retryable: true });
    };
    const response = await append();
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ code: "ERR_OVERLOADED" });
  });

  test("creates logs and transfers leadership where these can be done", async () => {
    const made = await fetch(`${follower.url}/v1/logs`, {
      method: "POST",
      body: '{"name":"orders"}',
      headers: { "content-type": "application/json" },
    });
    expect(made.status).toBe(201);
    expect(made.headers.get("location")).toBe("/v1/logs/orders/records");
    expect(await leader.service.logs()).toHaveLength(2);
    await fetch(`${follower.url}/v1/logs/audit/transfer-leadership`, { method: "POST" });
    expect(leader.service.transfers).toHaveLength(1);
  });

  test("never takes a second hop", async () => {
    leader.service.target = () => ({ kind: "remote", node: "b", address: follower.address });
    const response = await append();
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      code: "ERR_NOT_LEADER",
      retryable: true,
      details: { leader: "b" },
    });
  });

  test("without a leader answers 503 with Retry-After", async () => {
    follower.service.target = () => ({ kind: "none" });
    const response = await append();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "ERR_NO_LEADER" });
  });

  test("a leadership lost in between is looked up once more", async () => {
    const targets: ForwardTarget[] = [
      { kind: "local" },
      { kind: "remote", node: "a", address: leader.address },
    ];
    follower.service.target = () => targets.shift() ?? { kind: "none" };
    follower.service.beforeAppend = () => {
      throw new AnnalsError("ERR_NOT_LEADER", "not any more", { retryable: true });
    };
    expect((await append()).status).toBe(200);
    expect(leader.service.appends).toHaveLength(1);
  });

  test("a body that has moved to its worker is not passed on without its bytes", async () => {
    const targets: ForwardTarget[] = [
      { kind: "local" },
      { kind: "remote", node: "a", address: leader.address },
    ];
    follower.service.target = () => targets.shift() ?? { kind: "none" };
    const service: NodeService = follower.service;
    service.append = async (_log, { body }) => {
      body.move();
      throw new AnnalsError("ERR_NOT_LEADER", "not any more", { retryable: true });
    };
    const response = await append();
    expect(await response.json()).toMatchObject({ code: "ERR_NOT_LEADER", retryable: true });
    expect(response.status).toBe(503);
    expect(leader.service.appends).toEqual([]);
  });

  test("a leader that cannot be connected to did nothing", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => closed.once("listening", resolve));
    pointAt(`127.0.0.1:${(closed.address() as AddressInfo).port}`);
    await new Promise((resolve) => closed.close(resolve));
    const response = await append();
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      code: "ERR_LEADER_UNREACHABLE",
      retryable: true,
    });
  });

  test("an answer that is too large to be held leaves the outcome unknown", async () => {
    const chatty = createHttpServer((_request, answer) => answer.end("x".repeat(1_000_000)));
    await new Promise<void>((resolve) => chatty.listen(0, "127.0.0.1", resolve));
    pointAt(`127.0.0.1:${(chatty.address() as AddressInfo).port}`);
    expect(await (await append()).json()).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
    await new Promise((resolve) => chatty.close(resolve));
  });

  const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n";

  test.each([
    ["before it has read the body", "head", ""],
    ["with the whole request", "body", ""],
    ["in the head of its answer", "body", HEAD.slice(0, 20)],
    ["after the head of its answer", "body", HEAD],
    ["in the body of its answer", "body", `${HEAD}{`],
  ])(
    "a leader that goes away %s leaves the outcome unknown, also on a kept connection",
    async (_when, end, answer) => {
      let connections = 0;
      let requests = 0;
      const dying = createServer((socket) => {
        connections += 1;
        let text = "";
        socket.on("data", (part) => {
          text += part.toString("latin1");
          const headEnd = text.indexOf("\r\n\r\n");
          const whole = headEnd >= 0 && text.length >= headEnd + 4 + RECORD.length;
          if (requests === 1 && headEnd >= 0 && (end === "head" || whole)) {
            requests += 1;
            if (answer === "") socket.destroy();
            else socket.write(answer, () => socket.destroy());
          } else if (requests === 0 && whole) {
            requests += 1;
            text = "";
            socket.write(`${HEAD}{}`);
          }
        });
        socket.on("error", () => undefined);
      });
      await new Promise<void>((resolve) => dying.listen(0, "127.0.0.1", resolve));
      pointAt(`127.0.0.1:${(dying.address() as AddressInfo).port}`);
      expect((await append()).status).toBe(200);
      const response = await append();
      expect(await response.json()).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
      expect({ connections, requests, status: response.status }).toEqual({
        connections: 1,
        requests: 2,
        status: 504,
      });
      await new Promise((resolve) => dying.close(resolve));
    },
  );

  test("a leader that goes away with the request leaves the outcome unknown", async () => {
    const dying = createServer((socket) => socket.once("data", () => socket.destroy()));
    await new Promise<void>((resolve) => dying.listen(0, "127.0.0.1", resolve));
    pointAt(`127.0.0.1:${(dying.address() as AddressInfo).port}`);
    const response = await append();
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
    await new Promise((resolve) => dying.close(resolve));
  });
});

/** A text of which each character becomes six bytes of JSON. */
function widest(characters: number): string {
  return "\u0001".repeat(characters);
}

const LARGE = Number.MAX_SAFE_INTEGER;

function largestGroup(name: string): unknown {
  const held = { member: widest(MEMBER_CHARACTERS_MAX), condition: "current" };
  return {
    name,
    settings: widest(GROUP_SETTINGS_CHARACTERS_MAX),
    lag: LARGE,
    lanes: Array.from({ length: LANES_MAX }, () => ({
      position: LARGE,
      lag: LARGE,
      ...held,
    })),
  };
}

async function post(path: string, body: object): Promise<Response> {
  return fetch(`${follower.url}/v1/logs/audit${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

describe("the largest answer of each route that is passed on", () => {
  test("a group with all its lanes held", async () => {
    const group = largestGroup("g".repeat(64));
    leader.service.groupAnswer = () => group;
    expect(await (await post("/groups", { name: "g" })).json()).toEqual(group);
    expect(await (await post("/groups/g/reset", { to: "first" })).json()).toEqual(group);
  });

  test("the list of all groups", async () => {
    const groups = Array.from({ length: GROUPS_MAX }, (_, k) => largestGroup(`g${k}`));
    leader.service.groupAnswer = () => groups;
    const list = await fetch(`${follower.url}/v1/logs/audit/groups`);
    expect(list.status).toBe(200);
    expect(((await list.json()) as { items: unknown }).items).toEqual(groups);
    const one = await fetch(`${follower.url}/v1/logs/audit/groups/g9`);
    expect(await one.json()).toEqual(groups[9]);
  });

  test("an append that was judged by all schemas of a log", async () => {
    const names = Array.from({ length: SCHEMAS_PER_LOG_MAX }, (_, k) =>
      `${k}${widest(PATH_PART_CHARACTERS_MAX)}`.slice(0, PATH_PART_CHARACTERS_MAX),
    );
    const schemas = Object.fromEntries(names.map((name) => [name, LARGE]));
    leader.service.schemasOfAppends = schemas;
    const response = await append();
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ schemas });
  });

  test("a schema that fills its body", async () => {
    const [head, tail] = ['{"title":"', '"}'];
    const schema = `${head}${"\\u0001".repeat((4096 - head.length - tail.length) / 6)}${tail}`;
    const response = await fetch(`${follower.url}/v1/logs/audit/schemas/login`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: schema,
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ schema: JSON.parse(schema) });
  });

  test("a refusal that quotes what the client sent is cut to what fits", async () => {
    const quoted = widest(1_000_000);
    leader.service.beforeAppend = () => {
      throw new AnnalsError("ERR_RECORD_SCHEMA", quoted, {
        details: { path: quoted, position: 1 },
      });
    };
    const response = await append();
    expect(response.status).toBe(400);
    const text = await response.text();
    expect(text.length).toBeLessThan(PROBLEM_BYTES_MAX);
    expect(JSON.parse(text)).toMatchObject({ code: "ERR_RECORD_SCHEMA", details: { position: 1 } });
  });
});

describe("an answer beyond what is held, whole in one read of a kept connection", () => {
  test.each([30_000, 130_000, 1_000_000])(
    "of %i bytes is refused, and harms nobody",
    async (bytes) => {
      const uncaught: unknown[] = [];
      const take = (error: unknown): void => void uncaught.push(error);
      process.on("uncaughtException", take);
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\nConnection: keep-alive\r\n\r\n`;
      const chatty = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.on("data", () => socket.write(head + "x".repeat(bytes)));
      });
      await new Promise<void>((resolve) => chatty.listen(0, "127.0.0.1", resolve));
      pointAt(`127.0.0.1:${(chatty.address() as AddressInfo).port}`);
      const refused = await fetch(`${follower.url}/v1/logs/audit/transfer-leadership`, {
        method: "POST",
      });
      expect(await refused.json()).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
      pointAt(leader.address);
      expect((await append()).status).toBe(200);
      await new Promise((resolve) => chatty.close(resolve));
      process.off("uncaughtException", take);
      expect(uncaught).toEqual([]);
    },
  );
});
