// Goal: pages put together are exactly what a naive filter finds, whatever the limit, the budget and the batches; what a page says it
// covers is true. Method: random logs and queries against a filter over all records.
import { JSON_CODEC, MemorySource } from "@annals/fake-server";
import type { PlainRecord, StoredRecord } from "@annals/fake-server";
import { laneOf } from "@annals/record";
import type { LaneKey } from "@annals/record";
import { encodeRecord } from "@annals/wire";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { QUERY_BUDGET, runQuery } from "../src/runQuery.ts";
import type { QueryContext } from "../src/runQuery.ts";
import { runTailQuery } from "../src/tailQuery.ts";
import { parseQuery } from "../src/parseQuery.ts";
import type { ReadQuery } from "../src/readQuery.ts";

const ANY: ReadQuery = {
  from: undefined,
  to: undefined,
  since: undefined,
  until: undefined,
  actor: undefined,
  action: undefined,
  target: undefined,
  tenant: undefined,
  lane: undefined,
  limit: 10_000,
  cursor: undefined,
  order: "asc",
  consistency: "local",
  waitMs: 0,
  format: "json",
};

interface Page {
  items: (PlainRecord & { seq: number; recordedAt: string })[];
  covered: { from: number; to: number };
  next: string | null;
  more: boolean;
}

function contextOf(source: MemorySource, rest: Partial<QueryContext> = {}): QueryContext {
  return {
    log: "audit",
    source,
    codec: JSON_CODEC,
    budget: QUERY_BUDGET,
    now: () => 0,
    giveWay: () => Promise.resolve(),
    ...rest,
  };
}

async function pageOf(query: Partial<ReadQuery>, context: QueryContext): Promise<Page> {
  const reply = await runQuery({ ...ANY, ...query }, context);
  const page = JSON.parse(Buffer.from(reply.body).toString("utf8")) as Page;
  expect(page).toMatchObject({
    covered: reply.covered,
    next: reply.next ?? null,
    more: reply.more,
  });
  expect(page.items).toHaveLength(reply.count);
  return page;
}

/** What records of a lane have in common, by its name. */
function keysOf(record: PlainRecord): Record<LaneKey, string | undefined> {
  const { actor, targets, tenant } = record as {
    actor: { id: string };
    targets?: { id: string }[];
    tenant?: string;
  };
  return { actor: actor.id, target: targets?.[0]?.id, tenant };
}

/** The specification, as dumb as it can be. */
function naive(all: readonly StoredRecord[], query: Partial<ReadQuery>): number[] {
  const seqs = all
    .filter(({ seq, recordedAt, record }) => {
      const { actor, action, targets, tenant } = record as {
        actor: { id: string };
        action: string;
        targets?: { id: string }[];
        tenant?: string;
      };
      const prefix = query.action?.endsWith(".*") === true ? query.action.slice(0, -1) : undefined;
      return (
        seq >= (query.from ?? 0) &&
        seq <= (query.to ?? Infinity) &&
        recordedAt >= (query.since ?? -Infinity) &&
        recordedAt < (query.until ?? Infinity) &&
        (query.actor === undefined || actor.id === query.actor) &&
        (query.tenant === undefined || tenant === query.tenant) &&
        (query.lane === undefined ||
          laneOf(keysOf(record)[query.lane.key], query.lane.of) === query.lane.index) &&
        (query.target === undefined ||
          (targets ?? []).some((target) => target.id === query.target)) &&
        (query.action === undefined ||
          (prefix === undefined ? action === query.action : action.startsWith(prefix)))
      );
    })
    .map(({ seq }) => seq);
  return query.order === "desc" ? seqs.toReversed() : seqs;
}

const names = fc.constantFrom("ada", "bob", 'q"uote', "é");
const actions = fc.constantFrom("file.added", "file.removed", "filed", "login");
const record = fc.record(
  {
    actor: fc.record({ id: names }),
    action: actions,
    targets: fc.array(fc.record({ id: names }), { maxLength: 2 }),
    tenant: names,
  },
  { requiredKeys: ["actor", "action"] },
);
const logOf = fc.record({
  firstSeq: fc.integer({ min: 1, max: 9 }),
  batches: fc.array(
    fc.record({
      gapMs: fc.integer({ min: 0, max: 3 }),
      records: fc.array(record, { minLength: 1, maxLength: 5 }),
    }),
    { maxLength: 12 },
  ),
});
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const shareOf = fc.integer({ min: 1, max: 5 }).chain((of) =>
  fc.record({
    index: fc.integer({ min: 0, max: of - 1 }),
    of: fc.constant(of),
    key: fc.constantFrom("actor" as const, "target" as const, "tenant" as const),
  }),
);
const queryOf = fc.record({
  from: maybe(fc.integer({ min: 1, max: 40 })),
  to: maybe(fc.integer({ min: 1, max: 40 })),
  since: maybe(fc.integer({ min: 0, max: 30 })),
  until: maybe(fc.integer({ min: 0, max: 30 })),
  actor: maybe(names),
  action: maybe(fc.oneof(actions, fc.constant("file.*"))),
  target: maybe(names),
  tenant: maybe(names),
  lane: maybe(shareOf),
  order: fc.constantFrom("asc" as const, "desc" as const),
  limit: fc.integer({ min: 1, max: 6 }),
});
const budgetOf = fc.record({
  maxScanned: fc.integer({ min: 1, max: 20 }),
  maxAnswerLength: fc.integer({ min: 1, max: 400 }),
  yieldAfterMs: fc.constant(1),
});

function build(log: {
  firstSeq: number;
  batches: { gapMs: number; records: PlainRecord[] }[];
}): MemorySource {
  const source = new MemorySource(log.firstSeq);
  let recordedAt = 5;
  for (const { gapMs, records } of log.batches) {
    recordedAt += gapMs;
    source.append(recordedAt, records);
  }
  return source;
}

describe("lanes", () => {
  test("split a log: every record is in one of them, and those of a key together, in order", async () => {
    await fc.assert(
      fc.asyncProperty(logOf, shareOf, async (log, { of, key }) => {
        const source = build(log);
        const lanes = await Promise.all(
          Array.from({ length: of }, async (_, index) => {
            const { items } = await pageOf({ lane: { index, of, key } }, contextOf(source));
            return items.map(({ seq }) => seq);
          }),
        );
        for (const seqs of lanes) expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
        const all = source.all().map(({ seq }) => seq);
        expect(lanes.flat().toSorted((a, b) => a - b)).toEqual(all);
        const lanesOf = new Map<unknown, Set<number>>();
        for (const { seq, record: found } of source.all()) {
          const value = keysOf(found)[key];
          const seen = lanesOf.get(value) ?? new Set();
          lanesOf.set(value, seen.add(lanes.findIndex((seqs) => seqs.includes(seq))));
        }
        for (const seen of lanesOf.values()) expect(seen.size).toBe(1);
        expect([...(lanesOf.get(undefined) ?? [0])]).toEqual([0]);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    [{ lane: "4/4" }, "lane"],
    [{ lane: "0/65" }, "lane"],
    [{ lane: "0" }, "lane"],
    [{ lane: "0/2/2" }, "lane"],
    [{ lane: "0/2", laneKey: "action" }, "laneKey"],
    [{ laneKey: "tenant" }, "laneKey"],
  ])("%j is refused", (texts, parameter) => {
    expect(() => parseQuery(texts, 0, "json")).toThrow(
      expect.objectContaining({ code: "ERR_PARAMETER_INVALID", details: { parameter } }),
    );
  });

  test("a cursor of one lane is none of another", async () => {
    const source = new MemorySource();
    source.append(1, [{ actor: { id: "ada" }, action: "a" }]);
    const lane = { index: 0, of: 2, key: "actor" } as const;
    const { next } = await pageOf({ lane }, contextOf(source));
    const cursor = next ?? "";
    expect(await pageOf({ lane, cursor }, contextOf(source))).toMatchObject({ items: [] });
    for (const other of [undefined, { ...lane, index: 1 }, { ...lane, key: "tenant" as const }])
      await expect(pageOf({ lane: other, cursor }, contextOf(source))).rejects.toMatchObject({
        code: "ERR_CURSOR_INVALID",
      });
  });
});

describe("runQuery", () => {
  test("finds page by page what a naive filter finds, and covers without gap or overlap", async () => {
    await fc.assert(
      fc.asyncProperty(logOf, queryOf, budgetOf, async (log, query, budget) => {
        const source = build(log);
        const context = contextOf(source, { budget });
        const found: number[] = [];
        let cursor: string | undefined;
        let edge: number | undefined;
        for (let pages = 0; ; pages++) {
          expect(pages).toBeLessThan(200);
          const page = await pageOf({ ...query, cursor }, context);
          expect(page.items.length).toBeLessThanOrEqual(query.limit);
          const { from, to } = page.covered;
          for (const { seq } of page.items) expect(seq >= from && seq <= to).toBe(true);
          const near = query.order === "asc" ? from : to;
          expect(near).toBe(edge ?? near);
          edge = query.order === "asc" ? to + 1 : from - 1;
          found.push(...page.items.map(({ seq }) => seq));
          if (!page.more) break;
          cursor = page.next ?? undefined;
          expect(cursor).toBeDefined();
        }
        expect(found).toEqual(naive(source.all(), query));
      }),
      { numRuns: 300 },
    );
  });

  test("the cursor at the end goes on with what is appended later", async () => {
    const source = new MemorySource();
    source.append(1, [{ actor: { id: "a" }, action: "x" }]);
    const first = await pageOf({}, contextOf(source));
    expect(first).toMatchObject({ covered: { from: 1, to: 1 }, more: false });
    source.append(2, [{ actor: { id: "b" }, action: "y" }]);
    const second = await pageOf({ cursor: first.next ?? "" }, contextOf(source));
    expect(second.items.map(({ seq }) => seq)).toEqual([2]);
    expect(second.covered).toEqual({ from: 2, to: 2 });
  });

  test("an empty log covers nothing and says where it would go on", async () => {
    const page = await pageOf({}, contextOf(new MemorySource()));
    expect(page).toMatchObject({ items: [], covered: { from: 1, to: 0 }, more: false });
    expect(page.next).not.toBeNull();
  });

  test("ends for good at `to`, and at `until` once it has passed", async () => {
    const source = new MemorySource();
    source.append(10, [{ actor: { id: "a" }, action: "x" }]);
    source.append(20, [{ actor: { id: "a" }, action: "x" }]);
    expect((await pageOf({ to: 2 }, contextOf(source))).next).toBeNull();
    expect((await pageOf({ to: 3 }, contextOf(source))).next).not.toBeNull();
    expect((await pageOf({ until: 15 }, contextOf(source))).next).toBeNull();
    expect((await pageOf({ until: 25 }, contextOf(source))).next).not.toBeNull();
  });

  test("what retention removed is not covered", async () => {
    const source = new MemorySource(6);
    source.append(1, [{ actor: { id: "a" }, action: "x" }]);
    expect((await pageOf({ from: 1 }, contextOf(source))).covered).toEqual({ from: 6, to: 6 });
  });

  test("times are found by bisection", async () => {
    const source = new MemorySource();
    for (let at = 1; at <= 4096; at++) source.append(at, [{ actor: { id: "a" }, action: "x" }]);
    const page = await pageOf({ since: 4090 }, contextOf(source));
    expect(page.items.map(({ seq }) => seq)).toEqual([4090, 4091, 4092, 4093, 4094, 4095, 4096]);
    expect(source.batchesRead).toBeLessThan(30);
  });

  test("gives way to other work by the clock", async () => {
    const source = new MemorySource();
    source.append(
      1,
      Array.from({ length: 1000 }, () => ({ actor: { id: "a" }, action: "x" })),
    );
    let time = 0;
    let turns = 0;
    await pageOf(
      { actor: "nobody" },
      contextOf(source, {
        now: () => (time += 10),
        giveWay: () => {
          turns++;
          return Promise.resolve();
        },
      }),
    );
    expect(turns).toBe(16);
  });

  test.each([
    ["of another log", { ...contextOf(new MemorySource()), log: "other" }, {}],
    ["of another query", contextOf(new MemorySource()), { actor: "b" }],
  ])("a cursor %s is refused", async (_what, context, query) => {
    const page = await pageOf({ actor: "a" }, contextOf(new MemorySource()));
    const retry = { ...ANY, actor: "a", ...query, cursor: page.next ?? "" };
    await expect(runQuery(retry, context)).rejects.toMatchObject({ code: "ERR_CURSOR_INVALID" });
  });

  test("no text at all crashes the cursor's reader", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (cursor) => {
        const made = runQuery({ ...ANY, cursor }, contextOf(new MemorySource()));
        await expect(made).rejects.toMatchObject({ code: "ERR_CURSOR_INVALID" });
      }),
    );
  });

  test("a hole in the log is an error, not an empty answer", async () => {
    const source = new MemorySource();
    source.append(1, [{ actor: { id: "a" }, action: "x" }]);
    const holed = { firstSeq: 1, lastSeq: 2, batchAt: (seq: number) => source.batchAt(seq) };
    const made = runQuery(ANY, { ...contextOf(source), source: holed });
    await expect(made).rejects.toMatchObject({ code: "ERR_LOG_DAMAGED" });
  });

  test("writes NDJSON, one record, and none", async () => {
    const source = new MemorySource();
    source.append(0, [{ action: "x" }, { action: "y" }]);
    const context = contextOf(source);
    const lines = await runQuery({ ...ANY, format: "ndjson" }, context);
    expect(Buffer.from(lines.body).toString("utf8")).toBe(
      '{"seq":1,"recordedAt":"1970-01-01T00:00:00.000Z","action":"x"}\n' +
        '{"seq":2,"recordedAt":"1970-01-01T00:00:00.000Z","action":"y"}\n',
    );
    const one = await runQuery({ ...ANY, format: "record", from: 2, to: 2 }, context);
    expect(JSON.parse(Buffer.from(one.body).toString("utf8"))).toMatchObject({ seq: 2 });
    const none = await runQuery({ ...ANY, format: "record", from: 3, to: 3 }, context);
    expect(none.count).toBe(0);
    expect(Buffer.from(none.body).toString("utf8")).toBe("null");
  });
});

describe("formats of streams", () => {
  const source = new MemorySource();
  source.append(1000, [
    { actor: { id: "a" }, action: "x" },
    { actor: { id: "b" }, action: "y" },
  ]);
  source.append(2000, [{ actor: { id: "a" }, action: "y" }]);

  test("msgpack: one map after the other, with or without a filter", async () => {
    const at = (seq: number, second: number, actor: string, action: string): Uint8Array => {
      const recordedAt = `1970-01-01T00:00:0${second}.000Z`;
      const record = { seq, recordedAt, actor: { id: actor }, action };
      return encodeRecord(record);
    };
    const read = async (query: Partial<ReadQuery>): Promise<Uint8Array> =>
      (await runQuery({ ...ANY, format: "msgpack", ...query }, contextOf(source))).body;
    const all = [at(1, 1, "a", "x"), at(2, 1, "b", "y"), at(3, 2, "a", "y")];
    expect(Buffer.from(await read({}))).toEqual(Buffer.concat(all));
    expect(Buffer.from(await read({ action: "y", actor: "a" }))).toEqual(
      Buffer.concat(all.slice(2)),
    );
    expect(await read({ action: "z" })).toHaveLength(0);
  });

  test("none: says what there is and brings nothing", async () => {
    const query: ReadQuery = { ...ANY, format: "none", action: "y", limit: 1 };
    const reply = await runQuery(query, contextOf(source));
    expect(reply).toMatchObject({ count: 1, covered: { from: 1, to: 2 }, more: true });
    expect(reply.body).toHaveLength(0);
  });

  test("a page ends where a record would make it longer than asked, but brings one", async () => {
    const page = await pageOf({ maxLength: 1 }, contextOf(source));
    expect(page).toMatchObject({ items: [{ seq: 1 }], covered: { from: 1, to: 1 }, more: true });
  });
});

describe("runTailQuery", () => {
  test("waits until a record matches, and covers what did not", async () => {
    const source = new MemorySource();
    source.append(1, [{ actor: { id: "a" }, action: "x" }]);
    let time = 0;
    const waits: [number, number][] = [];
    const { source: _unused, ...rest } = contextOf(source);
    const reply = await runTailQuery(
      { ...ANY, action: "y", waitMs: 100 },
      {
        ...rest,
        now: () => time,
        open: () => source,
        waitForSeq: (seq, timeoutMs) => {
          waits.push([seq, timeoutMs]);
          time += 10;
          source.append(time, [{ actor: { id: "a" }, action: waits.length < 3 ? "x" : "y" }]);
          return Promise.resolve();
        },
      },
    );
    expect(waits).toEqual([
      [2, 100],
      [3, 90],
      [4, 80],
    ]);
    expect(reply).toMatchObject({ count: 1, covered: { from: 1, to: 4 } });
  });

  test("answers an empty page when the time is over", async () => {
    const source = new MemorySource();
    let time = 0;
    const { source: _unused, ...rest } = contextOf(source);
    const reply = await runTailQuery(
      { ...ANY, waitMs: 50 },
      {
        ...rest,
        now: () => time,
        open: () => source,
        waitForSeq: (_seq, timeoutMs) => {
          time += timeoutMs;
          return Promise.resolve();
        },
      },
    );
    expect(reply).toMatchObject({ count: 0, covered: { from: 1, to: 0 }, more: false });
  });
});
