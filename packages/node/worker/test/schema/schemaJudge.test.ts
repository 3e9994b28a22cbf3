// Goal: records are judged by the schema of their action, and whoever judges many can give way after each. Method: the judge alone, on
// records of actions with a schema and without.
import type { AuditRecord } from "@annals/record";
import { encodeRecord } from "@annals/wire";
import { expect, test } from "vitest";
import { SchemaJudge } from "../../src/schema/schemaJudge.ts";

const ORDER = JSON.stringify({
  required: ["order"],
  properties: { order: { type: "string", contentEncoding: "base64" } },
});

function judge(
  records: readonly (readonly [action: string, data: NonNullable<AuditRecord["data"]>])[],
): {
  readonly yields: number;
  readonly judgedBy: unknown;
} {
  const all = records.map(([action, data]) => encodeRecord({ actor: { id: "a" }, action, data }));
  const steps = SchemaJudge.of([{ action: "sold", version: 2, schema: ORDER, index: 1 }])?.judge(
    all,
  );
  let yields = 0;
  for (;;) {
    const step = steps?.next();
    if (step?.done !== false) return { yields, judgedBy: step?.value };
    yields += 1;
  }
}

test("gives way after every record, with a schema or without", () => {
  const other = ["read", {}] as const;
  expect(judge([other, ["sold", { order: "b" }], other])).toEqual({
    yields: 3,
    judgedBy: { sold: 2 },
  });
  expect(judge([other, other])).toEqual({ yields: 2, judgedBy: {} });
});

test("judges what a reader will see: bytes are text by then", () => {
  expect(judge([["sold", { order: Uint8Array.of(1, 2) }]])).toMatchObject({ yields: 1 });
  expect(() =>
    judge([
      ["read", {}],
      ["sold", {}],
    ]),
  ).toThrow(expect.objectContaining({ code: "ERR_RECORD_SCHEMA" }));
});
