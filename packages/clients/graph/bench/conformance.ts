/**
 * What each sink does under the conformance kit: `pnpm sinks:conformance`. Tries every case on every sink, each on a place of its own, and
 * prints a table (Markdown). PostgreSQL has to be installed for its column. Exit code 1 if a case failed.
 */
import { NDJSON, PostgresPlaces, WEBHOOK } from "@annals/doubles";
import { programArguments } from "@annals/kit";
import { conformanceTable, tryCases } from "@annals/sinks";
import type { DeclaredSink } from "@annals/sinks";
import { EMBEDDED, OVER_BOLT } from "../test/conformance/graph.ts";

const PROGRAM = "pnpm sinks:conformance";
programArguments(
  PROGRAM,
  `usage: ${PROGRAM}

Every case of the conformance kit on every sink, each on a place of its own, as a table (Markdown).

examples:
  ${PROGRAM}

exit code: 0 all that were tried conform, 1 one does not, 2 wrong usage`,
  {},
);

const postgres = new PostgresPlaces();
const sinks = [NDJSON, WEBHOOK, postgres.declared, EMBEDDED, OVER_BOLT] as const;
const outcomes = new Map<string, Awaited<ReturnType<typeof tryCases>>>();
for (const sink of sinks as readonly DeclaredSink<unknown>[])
  outcomes.set(sink.name, await tryCases(sink));
await postgres.close();
process.stdout.write(conformanceTable(outcomes));
const all = [...outcomes.values()].flatMap((cases) => [...cases.values()]);
if (all.some(({ kind }) => kind === "failed")) process.exitCode = 1;
