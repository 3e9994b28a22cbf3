/** `pnpm fuzz`: hostile bytes for whatever reads what comes from outside. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { numberArgument, programArguments, wrongUsage } from "@annals/kit";
import { BLOCK_INPUTS } from "./block.ts";
import type { BlockReport } from "./block.ts";
import type { BlockOrder } from "./fuzzWorker.ts";
import { FuzzTotals } from "./totals.ts";
import { GROUPS, TARGETS } from "./targets.ts";

const PROGRAM = "pnpm fuzz";
const USAGE = `usage: pnpm fuzz TARGET [--inputs N] [--from SEED] [--jobs N]

Reads mutated inputs: none may crash or end in anything but a record or a coded refusal that says where, none may take longer than 50 ms or
cost more memory than its caps allow, and what is accepted must mean the same to another reader.

targets: ${[...GROUPS].map(([name, members]) => `${name} (${members.join(", ")})`).join("; ")}
${[...TARGETS].map(([name, { about }]) => `  ${name.padEnd(18)}${about}`).join("\n")}

  --inputs N   how many, over all targets of the group (default 1000000)
  --from SEED  the first block's seed (default: the time of day); a block is ${BLOCK_INPUTS} inputs
  --jobs N     threads (default: one a core)

examples:
  pnpm fuzz ingest --inputs 5000000
  pnpm fuzz msgpack --from 17 --inputs ${BLOCK_INPUTS}

exit code: 0 all passed, 1 an input failed, 2 wrong usage, 130 interrupted`;

const SAMPLE_SHOWN_BYTES = 2048;

async function main(): Promise<number> {
  const options = {
    inputs: { type: "string", default: "1000000" },
    from: { type: "string", default: String(Date.now()) },
    jobs: { type: "string", default: String(availableParallelism()) },
  } as const;
  const { values, positionals } = programArguments(PROGRAM, USAGE, options, 1);
  const [name = ""] = positionals;
  const targets = GROUPS.get(name) ?? (TARGETS.has(name) ? [name] : []);
  if (targets.length === 0) {
    const problem = name === "" ? "TARGET is missing" : `there is no target "${name}"`;
    return wrongUsage(PROGRAM, problem);
  }
  const inputs = numberArgument(PROGRAM, "--inputs", values.inputs);
  const from = numberArgument(PROGRAM, "--from", values.from);
  const jobs = numberArgument(PROGRAM, "--jobs", values.jobs);
  console.log(`${name}: ${inputs} inputs from seed ${from} on ${jobs} threads`);
  const totals = new FuzzTotals();
  const orders = planBlocks(targets, inputs, from);
  process.once("SIGINT", () => {
    console.log(`\n${totals.table()}\ninterrupted: ${totals.line()}`);
    process.exit(130);
  });
  const workers = Array.from({ length: jobs }, () => new Worker(workerScript()));
  await Promise.all(workers.map((worker) => work(worker, orders, totals)));
  await Promise.all(workers.map((worker) => worker.terminate()));
  console.log(`\n${totals.table()}\n\n${totals.line()}`);
  return totals.failed > 0 ? 1 : 0;
}

/** In turn one block of each target, so that a short run has met them all. */
function* planBlocks(
  targets: readonly string[],
  inputs: number,
  from: number,
): Generator<BlockOrder, undefined> {
  let left = inputs;
  for (let block = 0; left > 0; block++) {
    const size = Math.min(BLOCK_INPUTS, left);
    left -= size;
    yield { target: targets[block % targets.length] ?? "", seed: from + block, inputs: size };
  }
}

function workerScript(): URL {
  const compiled = import.meta.filename.endsWith(".js");
  return new URL(compiled ? "./fuzzWorker.js" : "./fuzzWorker.ts", import.meta.url);
}

function work(
  worker: Worker,
  orders: Generator<BlockOrder, undefined>,
  totals: FuzzTotals,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let order: BlockOrder | undefined;
    const next = (): void => {
      order = orders.next().value;
      if (order === undefined) resolve();
      else worker.postMessage(order);
    };
    worker.on("message", (report: BlockReport) => {
      const { target } = order ?? { target: "" };
      totals.add(target, report);
      tell(target, report, totals);
      next();
    });
    worker.on("error", (cause) => {
      reject(new Error(`the thread of ${JSON.stringify(order)} has ended`, { cause }));
    });
    next();
  });
}

function tell(target: string, report: BlockReport, totals: FuzzTotals): void {
  const { seed, inputs, failure } = report;
  if (failure === undefined) {
    if (process.stdout.isTTY) process.stdout.write(`\r${totals.line()}`);
    return;
  }
  const { problem, input } = failure;
  const shown = Buffer.from(input.subarray(0, SAMPLE_SHOWN_BYTES)).toString("base64");
  console.log(`FAILED ${target}: ${problem}`);
  console.log(`${input.length} bytes, as base64: ${shown}`);
  console.log(`REPRODUCE: pnpm fuzz ${target} --from ${seed} --inputs ${inputs} --jobs 1`);
}

process.exitCode = await main();
