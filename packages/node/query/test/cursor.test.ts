// Goal: a cursor goes on with the query that it was made by, and with no other. Method: for each parameter a neighbour that differs only
// there; a new parameter without a row does not compile.
import { describe, expect, test } from "vitest";
import { decodeCursor, encodeCursor } from "../src/cursor.ts";
import type { ReadQuery } from "../src/readQuery.ts";

const QUERY: ReadQuery = {
  from: 1,
  to: 900,
  since: 1000,
  until: 2000,
  actor: "ada",
  action: "file.*",
  target: "f-1",
  tenant: "acme",
  lane: { index: 0, of: 4, key: "actor" },
  limit: 10,
  maxLength: 1000,
  cursor: undefined,
  order: "asc",
  consistency: "local",
  waitMs: 0,
  format: "json",
};

/** What decides which records a query may answer: others of it, or none, make another query. */
const BOUND = {
  from: [2, undefined],
  to: [901, undefined],
  since: [1001, undefined],
  until: [2001, undefined],
  actor: ["bob", undefined],
  action: ["file.read", undefined],
  target: ["f-2", undefined],
  tenant: ["other", undefined],
  lane: [
    { index: 1, of: 4, key: "actor" },
    { index: 0, of: 8, key: "actor" },
    { index: 0, of: 4, key: "target" },
    undefined,
  ],
  order: ["desc"],
} as const satisfies { readonly [Key in Bound]: readonly ReadQuery[Key][] };

/** What may change from page to page. */
const FREE = {
  limit: [11],
  maxLength: [2000],
  cursor: ["x"],
  consistency: ["linearizable"],
  waitMs: [5],
  format: ["ndjson"],
} as const satisfies {
  readonly [Key in Exclude<keyof ReadQuery, Bound>]-?: readonly ReadQuery[Key][];
};

type Bound =
  | "from"
  | "to"
  | "since"
  | "until"
  | "actor"
  | "action"
  | "target"
  | "tenant"
  | "lane"
  | "order";

const neighbours = (table: object): readonly (readonly [string, unknown])[] =>
  Object.entries(table).flatMap(([key, values]: [string, readonly unknown[]]) =>
    values.map((value) => [key, value] as const),
  );

describe("a cursor", () => {
  const cursor = encodeCursor("audit", QUERY, 42);

  test.each(neighbours(BOUND))("is refused with another %s: %j", (key, value) => {
    expect(() => decodeCursor("audit", { ...QUERY, [key]: value }, cursor)).toThrow(
      expect.objectContaining({ code: "ERR_CURSOR_INVALID" }),
    );
  });

  test.each(neighbours(FREE))("goes on with another %s: %j", (key, value) => {
    expect(decodeCursor("audit", { ...QUERY, [key]: value }, cursor)).toBe(42);
  });

  test("is refused for another log", () => {
    expect(() => decodeCursor("access", QUERY, cursor)).toThrow("another log");
  });

  test("of one parameter is none of another with the same value", () => {
    const none = { ...QUERY, actor: undefined, action: undefined, target: undefined };
    const fields = ["actor", "action", "target", "tenant"] as const;
    const bare = { ...none, tenant: undefined };
    const cursors = fields.map((field) => encodeCursor("audit", { ...bare, [field]: "x" }, 1));
    expect(new Set(cursors).size).toBe(fields.length);
  });
});

test.each([-1, 1.5, 2 ** 53, "7", null])("a cursor that goes on at %j was not made here", (s) => {
  const made: unknown = JSON.parse(
    Buffer.from(encodeCursor("audit", QUERY, 7), "base64url").toString("utf8"),
  );
  const forged = Buffer.from(JSON.stringify({ ...(made as object), s })).toString("base64url");
  expect(() => decodeCursor("audit", QUERY, forged)).toThrow(/not made by this server/);
});
