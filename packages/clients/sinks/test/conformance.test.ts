// Goal: every sink holds out what the conformance kit does to it. Method: the kit, over a database in memory, files in a temporary directory,
// and a receiver of webhooks that keeps to idempotency keys.
import { NDJSON, WEBHOOK } from "@annals/doubles";
import { describe, expect, test } from "vitest";
import { SINK_CONFORMANCE } from "../src/kit/conformance.ts";
import { conformanceTable, tryCases } from "../src/kit/declaration.ts";
import type { DeclaredSink } from "../src/kit/declaration.ts";
import { MEMORY } from "./conformance/memory.ts";

const SINKS: readonly DeclaredSink<unknown>[] = [MEMORY, NDJSON, WEBHOOK];

describe.each(SINKS)("$name", ({ exempt, make }) => {
  const cases = SINK_CONFORMANCE.filter(({ name }) => exempt[name] === undefined);
  test.each(cases)("$name", async ({ name, run }) => {
    await expect(run(() => make(name))).resolves.toBeUndefined();
  });
});

describe("the kit", () => {
  test("finds out a sink that does not conform, and says which case and why", async () => {
    const forgetful: DeclaredSink<unknown> = {
      ...MEMORY,
      name: "forgetful",
      exempt: { "two owners": "there is only one" },
      make: async (name) => {
        const harness = await MEMORY.make(name);
        return { ...harness, dump: async () => String(Math.random()) };
      },
    };
    const outcomes = await tryCases(forgetful);
    expect([...outcomes.values()].map(({ kind }) => kind)).toEqual([
      "failed",
      "failed",
      "passed",
      "failed",
      "doesNotApply",
      "failed",
    ]);
    const table = conformanceTable(new Map([["forgetful", outcomes]]));
    expect(table).toMatch(/^\| two owners: .* \| does not apply: there is only one \|$/m);
    expect(table).toMatch(/^\| every other commit .* \| \*\*FAILED\*\*: .* should be/m);
  });

  test("tries nothing where the machine lacks what a sink needs", async () => {
    const outcomes = await tryCases({ ...MEMORY, obstacle: "no such server" });
    expect(new Set(outcomes.values())).toEqual(
      new Set(SINK_CONFORMANCE.map(() => ({ kind: "notTried", why: "no such server" }))),
    );
  });
});
