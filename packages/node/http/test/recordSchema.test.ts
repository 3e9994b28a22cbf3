// Goal: the record in /openapi.json is the record that the node takes. Method: records are drawn, most of them a little wrong; a validator
// with the schema and the scanner must say the same of each, as JSON.
import { drain, parseJsonRecords, RECORD_LIMITS, recordSchema } from "@annals/record";
import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { startTestServer } from "@annals/fake-server";

const validate = new Ajv2020({ strict: true, validateFormats: false }).compile(recordSchema());

function scannerTakes(record: unknown): boolean {
  try {
    drain(parseJsonRecords(new TextEncoder().encode(JSON.stringify(record)), RECORD_LIMITS));
    return true;
  } catch {
    return false;
  }
}

/** Mostly what belongs there, else anything. */
function usually(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: value, weight: 40 }, { arbitrary: junk, weight: 1 });
}

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, "", "x", 0, -1, 1.5, 2 ** 53 - 1, true, [], {}),
  // Integers beyond 2^53 and the reserved key are beyond the schema, wherever they are.
  fc.jsonValue({ maxDepth: 2 }).filter((value) => !/__proto__|\d{16}/.test(JSON.stringify(value))),
);
const name = fc.string({ minLength: 1, unit: "grapheme" });
const two = (low: number, high: number): fc.Arbitrary<string> =>
  fc.integer({ min: low, max: high }).map((value) => String(value).padStart(2, "0"));
const time = fc
  .tuple(
    fc.integer({ min: 0, max: 9999 }).map((year) => String(year).padStart(4, "0")),
    two(0, 13),
    two(0, 32),
    fc.constantFrom("T", "t", " "),
    two(0, 24),
    two(0, 60),
    two(0, 61),
    fc.constantFrom("", ".5", ".123456789", "."),
    fc.constantFrom("Z", "z", "+01:00", "-23:59", "+24:00", "", "Z "),
  )
  .map(([y, mo, d, t, h, mi, s, f, o]) => `${y}-${mo}-${d}${t}${h}:${mi}:${s}${f}${o}`)
  // That February has 29 days in leap years only is beyond the schema.
  .filter((text) => text.slice(5, 10) !== "02-29");
const free = fc.dictionary(
  fc.string().filter((key) => key !== "__proto__"),
  junk,
  { maxKeys: 3 },
);
const party = fc.record(
  { id: usually(name), type: usually(fc.string()), more: junk },
  { requiredKeys: ["id"] },
);
const attachment = fc.record(
  {
    sha256: usually(
      fc.constantFrom("a".repeat(64), "0".repeat(64), "A".repeat(64), "a".repeat(63)),
    ),
    bytes: usually(fc.nat()),
    mediaType: usually(name),
    more: junk,
  },
  { requiredKeys: ["sha256", "bytes"] },
);
const change = fc.record(
  { path: usually(name), before: junk, after: junk },
  { requiredKeys: ["path"] },
);
const RECORD = fc.record(
  {
    actor: usually(party),
    action: usually(name),
    time: usually(time),
    targets: usually(fc.array(usually(party), { maxLength: 3 })),
    outcome: usually(fc.constantFrom("success", "failure", "denied", "unknown", "fine")),
    tenant: usually(name),
    context: usually(free),
    changes: usually(fc.array(usually(change), { maxLength: 2 })),
    attachments: usually(fc.array(usually(attachment), { maxLength: 2 })),
    data: usually(free),
    id: usually(name),
  },
  { requiredKeys: ["actor", "action"] },
);

describe("the schema of a record", () => {
  it("accepts what the scanner accepts, and refuses what it refuses", () => {
    let taken = 0;
    fc.assert(
      fc.property(RECORD, (record) => {
        const takes = scannerTakes(record);
        taken += takes ? 1 : 0;
        expect([validate(record), record]).toEqual([takes, record]);
      }),
      { numRuns: 5000 },
    );
    // Both ways were tried.
    expect(taken).toBeGreaterThan(100);
    expect(taken).toBeLessThan(4900);
  });

  it("knows no other keys", () => {
    const record = { actor: { id: "a" }, action: "b" };
    for (const wrong of [{ ...record, more: 1 }, { action: "b" }, { actor: { id: "a" } }, [record]])
      expect([validate(wrong), scannerTakes([wrong])]).toEqual([false, false]);
  });

  it("is what /openapi.json shows", async () => {
    const server = await startTestServer();
    try {
      const response = await fetch(`${server.url}/openapi.json`);
      const { components } = (await response.json()) as {
        components: { schemas: { AppendRecord: { description: string } } };
      };
      const { description: _, ...shown } = components.schemas.AppendRecord;
      expect(shown).toEqual(recordSchema());
    } finally {
      await server.close();
    }
  });
});
