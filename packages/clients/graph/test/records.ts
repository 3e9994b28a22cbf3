import type { StoredRecord } from "@annals/client";
import * as fc from "fast-check";
import { recordOf } from "./driving.ts";

const value: fc.Arbitrary<unknown> = fc.constantFrom("a", "b", 1, 2.5, true, null, undefined);

/** A log of few actors, things and paths, so that they meet often; times go back, and repeat. */
export function records(max = 12): fc.Arbitrary<readonly StoredRecord[]> {
  const second = fc.integer({ min: 0, max: 8 });
  const fields = fc.record(
    {
      actor: fc.record({ type: fc.constantFrom("user", "host"), id: fc.constantFrom("a", "b|") }),
      action: fc.constantFrom("doc.read", "doc.edit"),
      time: second.map((s) => `2026-01-0${1 + (s % 3)}T01:00:0${s}+01:00`),
      targets: fc.array(
        fc.record({ type: fc.constant("doc"), id: fc.constantFrom("1", "2", "%") }),
        { maxLength: 3 },
      ),
      changes: fc.array(
        fc
          .record({ path: fc.constantFrom("title", "owner.id"), before: value, after: value })
          .map(({ path, before, after }) => ({ path, before, after })),
        { maxLength: 3 },
      ),
      outcome: fc.constantFrom("success" as const, "denied" as const),
      tenant: fc.constantFrom("t1", "t2"),
    },
    { requiredKeys: ["actor", "action"] },
  );
  return fc
    .array(fields, { minLength: 1, maxLength: max })
    .map((log) => log.map((each, index) => recordOf(index + 1, each)));
}
