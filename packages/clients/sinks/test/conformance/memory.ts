import type { DeclaredSink } from "../../src/kit/declaration.ts";
import type { SinkHarness } from "../../src/kit/conformance.ts";
import { emptyDatabase, MemorySink } from "../memorySink.ts";

/** The one that the runner's own tests use. */
export const MEMORY: DeclaredSink<unknown> = {
  name: "memory",
  effect: "exact",
  exempt: {},
  make: memoryHarness,
};

async function memoryHarness(): Promise<SinkHarness<unknown>> {
  const database = emptyDatabase();
  const poisoned = new Set<number>();
  let copy = structuredClone(database);
  return {
    sink: () => new MemorySink(database, { poison: (seq) => poisoned.has(seq) }),
    dump: async () => database.rows.map(({ key }) => key).join("\n"),
    poison: (record) => {
      poisoned.add(record.seq);
      return record;
    },
    backup: async () => {
      copy = structuredClone(database);
    },
    restore: async () => void Object.assign(database, copy),
    close: async () => undefined,
  };
}
