/**
 * Goal: the graph sink holds out what the conformance kit does to any sink, on both engines, and docs/sinks.md says of every sink what the
 * kit's cases and the sinks' declarations say. Method: the kit; what is written is compared by a dump of every node and edge. The page is
 * written anew with ANNALS_WRITE_CONFORMANCE=1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NDJSON, PostgresPlaces, WEBHOOK } from "@annals/doubles";
import { conformanceTable, outcomeDeclared, SINK_CONFORMANCE } from "@annals/sinks";
import { describe, expect, test } from "vitest";
import { EMBEDDED, OVER_BOLT } from "./conformance/graph.ts";

describe.each([EMBEDDED, OVER_BOLT])("$name", ({ exempt, make }) => {
  const cases = SINK_CONFORMANCE.filter(({ name }) => exempt[name] === undefined);
  test.each(cases)("$name", { timeout: 60_000 }, async ({ name, run }) => {
    await expect(run(() => make(name))).resolves.toBeUndefined();
  });
});

const PAGE = join(import.meta.dirname, "../../../../docs/sinks.md");
const TABLE = /^\| Case \|(?:.*\|\n)+/m;

test("docs/sinks.md has the table", () => {
  const declared = [NDJSON, WEBHOOK, new PostgresPlaces().declared, EMBEDDED, OVER_BOLT].map(
    (sink) =>
      [
        sink.name,
        new Map(SINK_CONFORMANCE.map(({ name }) => [name, outcomeDeclared(sink, name)])),
      ] as const,
  );
  const table = conformanceTable(new Map(declared));
  const page = readFileSync(PAGE, "utf8");
  if (process.env["ANNALS_WRITE_CONFORMANCE"] === "1")
    writeFileSync(PAGE, page.replace(TABLE, table));
  expect(TABLE.exec(readFileSync(PAGE, "utf8"))?.[0]).toBe(table);
});
