/**
 * The standard set on a fresh cluster of three: `pnpm bench`.
 */
import { join } from "node:path";
import { programArguments, runMain } from "@annals/kit";
import { BUILT_COMMAND, throwAwayTarget } from "@annals/load";
import { aimsTable, ratiosTable } from "./figures.ts";
import { appendHistory, readHistory } from "./history.ts";
import { provenance } from "./machine.ts";
import { BENCHMARKS } from "./page.ts";
import { FULL, QUICK, runCompressionSet, runStandardSet } from "./standardSet.ts";

const HISTORY = join(BENCHMARKS, "history.jsonl");

const HELP = `usage: pnpm bench [--quick] [--compare FILE[:COMMIT]] [--settings YAML] [--data DIR] [--dry]

The standard set on a fresh cluster of three processes: each figure beside its aim, and a line more in docs/benchmarks/history.jsonl.

  --quick                  only shows that everything runs; writes no line
  --compare FILE[:COMMIT]  how much better each figure is than in the last line of FILE, or in that of a commit
  --settings YAML          settings of the nodes beside the usual ones
  --data DIR               where the nodes keep their data (default: the directory for temporary files)
  --dry                    writes no line

examples:
  pnpm bench --quick
  pnpm bench --compare docs/benchmarks/history.jsonl
  pnpm bench --dry --settings 'workers: { count: 2 }'

exit code: 0 measured, 1 it could not be, 2 wrong usage, 130 interrupted`;

const { values } = programArguments("pnpm bench", HELP, {
  quick: { type: "boolean", default: false },
  dry: { type: "boolean", default: false },
  compare: { type: "string" },
  settings: { type: "string", default: "" },
  data: { type: "string" },
});
const [file, commit] = values.compare?.split(/:(?=[0-9a-f]+$)/) ?? [];
// Read before anything is measured: a wrong name should not cost minutes.
const before = file === undefined ? undefined : readHistory(file, commit);

await runMain(async (signal) => {
  const began = performance.now();
  const note = (text: string): void => console.error(`bench: ${text}`);
  const extent = values.quick ? QUICK : FULL;
  const where = {
    entry: BUILT_COMMAND,
    ...(values.data === undefined ? {} : { parent: values.data }),
    signal,
  };
  const target = await throwAwayTarget({ ...where, nodes: 3, settings: values.settings });
  const figures: Record<string, number> = {};
  try {
    Object.assign(figures, await runStandardSet(target, extent, signal, note));
  } finally {
    await target.close();
  }
  Object.assign(figures, await runCompressionSet(where, extent, note));
  const seconds = Math.round((performance.now() - began) / 1000);
  const { durability } = target;
  const line = { ...provenance(), durability, seconds, figures };
  const { cores, cpu, memoryGiB, kernel, node } = line.machine;
  console.log(
    `${line.date}, commit ${line.commit}; ${cores} cores (${cpu}), ${memoryGiB} GiB, Linux ${kernel}, Node ${node}\n` +
      `${durability.join("\n")}\n\n${aimsTable(figures)}`,
  );
  if (before !== undefined)
    console.log(
      `Beside ${before.date}, commit ${before.commit}:\n\n${ratiosTable(figures, before.figures)}`,
    );
  if (!values.quick && !values.dry) appendHistory(HISTORY, line);
});
