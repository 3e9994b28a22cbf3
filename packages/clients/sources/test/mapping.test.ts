// Goal: a message becomes the record that its mapping says, or says why it does not; changes turn one state into the next, and what is kept
// of states is bounded. Method: examples, and random states put together again.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { messageItem, offsetOf, recordId } from "../src/kafka/message.ts";
import type { SourceMessage } from "../src/kafka/message.ts";
import type { RecordMapping, SourceItem } from "../src/mapping.ts";
import { recordOf } from "../src/records.ts";
import { changesBetween, StateCache } from "../src/stateCache.ts";

const MAPPING: RecordMapping = {
  actor: { id: "{value.user.id}", type: "user" },
  action: "order.{value.event}",
  targets: [{ id: "{key}", type: "{topic}" }],
  tenant: "{header.tenant}",
  data: "order",
};

function message(value: unknown, rest: Partial<SourceMessage> = {}): SourceItem {
  return messageItem({
    topic: "orders",
    partition: 2,
    offset: 17n,
    key: Buffer.from("o1"),
    value: typeof value === "string" ? Buffer.from(value) : Buffer.from(JSON.stringify(value)),
    headers: { tenant: "acme" },
    timestampMs: 0,
    ...rest,
  });
}

const ORDER = { user: { id: 7 }, event: "paid", order: { total: 3, lines: [1] } };

test("a message becomes the record that the mapping says", () => {
  expect(recordOf(message(ORDER, { timestampMs: 1000 }), MAPPING, new StateCache(1000))).toEqual({
    time: "1970-01-01T00:00:01.000Z",
    id: "orders/2/17",
    actor: { id: "7", type: "user" },
    action: "order.paid",
    targets: [{ id: "o1", type: "orders" }],
    tenant: "acme",
    data: { total: 3, lines: [1] },
  });
});

test.each([
  [message("{"), "the value is no JSON"],
  [message({ ...ORDER, user: {} }), "actor.id: the message has no text at {value.user.id}"],
  [message(ORDER, { key: undefined }), "targets.0.id: the message has no text at {key}"],
  [message(ORDER, { headers: {} }), "tenant: the message has no text at {header.tenant}"],
  [message(ORDER, { value: undefined }), "actor.id: the message has no text at {value.user.id}"],
  [
    message(ORDER, { timestampMs: 1_700_000_000_000_000_000 }),
    "timestamp: is beyond the year 9999 in milliseconds",
  ],
  [
    message(ORDER, { timestampMs: 1_700_000_000_000_000 }),
    "timestamp: is beyond the year 9999 in milliseconds",
  ],
  [message({ ...ORDER, user: 12 }), "actor.id: the message has no text at {value.user.id}"],
])("what does not fit is recorded with the reason", (bad, reason) => {
  const made = recordOf(bad, MAPPING, new StateCache(1000));
  expect(made).toMatchObject({ id: "orders/2/17", action: "kafka.unmapped", data: { reason } });
  const bytes = Buffer.from(String(made.data?.["base64"]), "base64");
  expect(bytes.equals(bad.value ?? Buffer.alloc(0))).toBe(true);
});

test("numbers that no double holds keep their digits, in texts, in data and in changes", () => {
  const text = (n: string): string =>
    `{"user":{"id":12345678901234567890},"event":"paid","order":{"total":${n}}}`;
  const states = new StateCache(1000);
  const made = (n: string) => recordOf(message(text(n)), { ...MAPPING, diff: true }, states);
  const first = made("0.10000000000000000001");
  expect(first.actor.id).toBe("12345678901234567890");
  expect(JSON.stringify(first.data)).toBe('{"total":0.10000000000000000001}');
  expect(JSON.stringify(made("0.10000000000000000002").changes)).toBe(
    '[{"path":"total","before":0.10000000000000000001,"after":0.10000000000000000002}]',
  );
  expect(made("0.10000000000000000002")).not.toHaveProperty("changes");
  const within = recordOf(
    message(text("1")),
    { ...MAPPING, actor: { id: "{value.user.id.text}" } },
    states,
  );
  expect(within.action).toBe("kafka.unmapped");
});

test("the first state of a key is told whole, then what has changed, and again whole when states were wiped", () => {
  const mapping = { ...MAPPING, diff: true };
  const states = new StateCache(1000);
  const made = (total: number) =>
    recordOf(message({ ...ORDER, order: { total, lines: [1] } }), mapping, states);
  expect(made(3)).toMatchObject({ data: { total: 3, lines: [1] } });
  expect(made(4)).toMatchObject({ changes: [{ path: "total", before: 3, after: 4 }] });
  expect(made(4)).not.toHaveProperty("changes");
  states.clear();
  expect(made(5)).toMatchObject({ data: { total: 5 } });
});

test("changes turn one state into the next", () => {
  const names = fc.constantFrom("a", "b", "c");
  const state = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, fc.integer(), fc.array(fc.integer()), tie("map")),
    map: fc.dictionary(names, tie("value"), { noNullPrototype: true }),
  })).map;
  fc.assert(
    fc.property(state, state, (before, after) => {
      const made = structuredClone<Record<string, unknown>>(before);
      for (const { path, after: value } of changesBetween(before, after)) put(made, path, value);
      expect(made).toEqual(after);
    }),
  );
});

function put(state: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let at = state;
  for (const name of names) at = at[name] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
}

test("states are kept up to the cap, the latest ones", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ max: 9, min: 0 }), fc.nat(40))), (sets) => {
      const states = new StateCache(60);
      for (const [key, bytes] of sets) {
        states.set(`k${key}`, bytes, bytes);
        expect(states.bytes).toBeLessThanOrEqual(60);
        expect(states.get(`k${key}`)?.state).toBe(bytes);
      }
    }),
  );
  const states = new StateCache(10);
  states.set("k", 1, 100);
  expect(states.get("k")).toBeUndefined();
});

test("an offset is found in the id of its own partition only", () => {
  const partition = { topic: "a/b", partition: 1 };
  expect(offsetOf(partition, recordId({ ...partition, offset: 2n ** 62n }))).toBe(2n ** 62n);
  for (const id of [undefined, "a/b/2/3", "a/b/1/x", "a/b/1/", "x"])
    expect(offsetOf(partition, id)).toBeUndefined();
});
