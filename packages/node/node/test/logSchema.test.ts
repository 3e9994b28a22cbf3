// Goal: `data` of an action's records is held to the log's schema at the edge, by the version that the answer names; and a schema from outside
// cannot cost without bounds. Method: schemas good and bad; the catalog's commands; then a real node over HTTP, with a restart.
import { startTestNode, stopTestNode, until, untilReady } from "@annals/fake-server";
import type { TestNode } from "@annals/fake-server";
import {
  Catalog,
  decodeCommand,
  encodeCommand,
  SCHEMA_BYTES_MAX,
  SCHEMAS_PER_LOG_MAX,
} from "@annals/system";
import { compileSchema } from "@annals/worker";
import pino from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { startNode } from "../src/startNode.ts";

const ORDER = { type: "object", required: ["order"], properties: { order: { type: "integer" } } };

describe("a schema", () => {
  it.each([
    ["{", "not JSON"],
    ["[]", "a JSON object"],
    ['{"type":"nonsense"}', "type"],
    ['{"unknownKeyword":1}', "unknownKeyword"],
    ['{"$defs":{"a":{"$ref":"#/$defs/a"}}}', "/$defs/a/$ref"],
    ['{"$ref":"https://example.org/schema"}', "/$ref"],
    ['{"properties":{"a":{"pattern":"(a+)+$"}}}', "/properties/a/pattern"],
    ['{"items":{"uniqueItems":true}}', "/items/uniqueItems"],
    [JSON.stringify({ description: "x".repeat(SCHEMA_BYTES_MAX) }), "at most"],
  ])("%j is not taken", (text, why) => {
    expect(() => compileSchema(text)).toThrow(
      expect.objectContaining({ code: "ERR_SCHEMA_INVALID" }),
    );
    expect(() => compileSchema(text)).toThrow(why);
  });

  it("may use the words that are no keywords where they are names or data", () => {
    const schema = { properties: { pattern: { enum: ["$ref", { uniqueItems: true }] } } };
    expect(compileSchema(JSON.stringify(schema))({ pattern: "$ref" })).toBe(true);
  });
});

describe("the catalog", () => {
  const set = (catalog: Catalog, index: number, action: string, schema: string | null = "{}") =>
    catalog
      .setSchema(index, "audit", action, schema)
      ?.schemas?.find((one) => one.action === action);

  it("counts versions, over removals too, and does nothing twice", () => {
    const catalog = new Catalog([]);
    catalog.create(1, "audit", []);
    expect(set(catalog, 5, "a")).toMatchObject({ version: 1, schema: "{}" });
    expect(set(catalog, 5, "a")).toBeUndefined();
    expect(set(catalog, 6, "a", null)).toMatchObject({ version: 2, schema: undefined });
    expect(set(catalog, 5, "a")).toBeUndefined();
    expect(set(catalog, 7, "a")).toMatchObject({ version: 3 });
    expect(catalog.setSchema(8, "nope", "a", "{}")).toBeUndefined();
  });

  it("has so many and no more", () => {
    const catalog = new Catalog([]);
    catalog.create(1, "audit", []);
    for (let k = 1; k <= SCHEMAS_PER_LOG_MAX; k++)
      expect(set(catalog, k + 1, `a${k}`)).toBeDefined();
    expect(set(catalog, 100, "more")).toBeUndefined();
    expect(set(catalog, 101, "a1")).toMatchObject({ version: 2 });
  });

  it("has its command read back", () => {
    const command = { op: "setSchema", log: "audit", action: "a", schema: null } as const;
    expect(decodeCommand(encodeCommand(command))).toEqual(command);
  });
});

describe("a node", { timeout: 30_000 }, () => {
  let test: TestNode | undefined;
  afterEach(async () => {
    if (test !== undefined) await stopTestNode(test);
  });

  async function call(method: string, path: string, body?: unknown, headers = {}) {
    const response = await fetch(`${test?.node.url}/v1/logs/audit/${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  const order = (data: unknown) => ({ actor: { id: "a" }, action: "order.shipped", data });

  it("judges records by the schema of their action, says by which version, and keeps it over a restart", async () => {
    test = await startTestNode();
    await untilReady(test.node);
    const path = "schemas/order.shipped";
    expect(await call("GET", path)).toMatchObject({ body: { code: "ERR_SCHEMA_NOT_FOUND" } });
    await until(async () =>
      (await call("POST", "records", order({}))).status === 200 ? true : undefined,
    );
    expect(await call("PUT", path, { $ref: "#" })).toMatchObject({ status: 400 });
    expect(await call("PUT", path, ORDER)).toMatchObject({ status: 200, body: { version: 1 } });
    const other = { actor: { id: "a" }, action: "login", data: { order: "x" } };
    const good = await call("POST", "records", [order({ order: 1 }), other]);
    expect(good).toMatchObject({ status: 200, body: { schemas: { "order.shipped": 1 } } });
    expect(await call("POST", "records", other)).not.toHaveProperty("body.schemas");
    for (const bad of [order({ order: "x" }), { actor: { id: "a" }, action: "order.shipped" }])
      expect(await call("POST", "records", [other, bad])).toMatchObject({
        status: 400,
        body: { code: "ERR_RECORD_SCHEMA", details: { position: 1, version: 1 } },
      });
    await test.node.close();
    const node = await startNode(test.config, { logger: pino({ level: "silent" }) });
    test = { ...test, node };
    await untilReady(node);
    expect(await call("GET", "schemas")).toMatchObject({ body: { items: [{ schema: ORDER }] } });
    expect(await call("POST", "records", order({}))).toMatchObject({ status: 400 });
    expect(await call("GET", "records")).toHaveProperty("body.items.length", 4);
    expect(await call("DELETE", path)).toMatchObject({ body: { version: 2, schema: null } });
    expect(await call("POST", "records", order({}))).toMatchObject({ status: 200 });
  });

  it("answers a repeat of what an older version let in", async () => {
    test = await startTestNode();
    await untilReady(test.node);
    const stamp = { "annals-producer": "p;epoch=1;sequence=1" };
    // The leader is known a moment before it takes appends.
    const first = await until(async () => {
      const answer = await call("POST", "records", order({ order: "old" }), stamp);
      return answer.status === 503 ? undefined : answer;
    });
    expect(first).toMatchObject({ status: 200, body: { duplicate: false } });
    await call("PUT", "schemas/order.shipped", ORDER);
    expect(await call("POST", "records", order({ order: "old" }), stamp)).toMatchObject({
      status: 200,
      body: { duplicate: true },
    });
  });
});
