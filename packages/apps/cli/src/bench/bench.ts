import { resolve } from "node:path";
import {
  fill,
  givenTarget,
  measureAppend,
  measureCatchUp,
  measureConsume,
  measureMixed,
  STANDARD_SHAPE,
  throwAwayTarget,
} from "@annals/load";
import type { DriveProgress, OwnTarget, Target } from "@annals/load";
import type { Command } from "commander";
import { duration, loadShape, paceOf } from "./benchOptions.ts";
import type { LoadOptions, TargetOptions } from "./benchOptions.ts";
import { figuresText, shapeText } from "./benchText.ts";
import type { Figures } from "./benchText.ts";
import { usageError } from "../program/cliError.ts";
import { collect, examples, wholeNumber, withOutput } from "../program/context.ts";
import type { CliContext } from "../program/context.ts";
import { formatCount } from "../program/output.ts";
import { Progress } from "../program/progress.ts";
import type { StatusLine } from "../program/statusLine.ts";

type AppendOptions = TargetOptions & LoadOptions;
type ConsumeOptions = TargetOptions & { readonly consumers: string; readonly decode?: boolean };

const GIVEN_LOG = "bench";
const RECORDS_MAX = 100_000_000;
const CONSUMERS_MAX = 64;
/** How a log is filled that is then read or caught up with. */
const FILL_SHAPE = { ...STANDARD_SHAPE, recordsPerRequest: 500, inFlight: 8 };

export function registerBench(program: Command, context: CliContext): void {
  const bench = program
    .command("bench")
    .description("measure a cluster under load: a fresh one of this machine, or the one at --url");

  const append = bench
    .command("append")
    .description("append for a while; latencies count from when a request was due")
    .action((options: AppendOptions) => runAppend(context, options));
  examples(withTarget(withLoad(append)), [
    "annals bench append --in-flight 1024",
    "annals bench append --records-per-request 500 --in-flight 8 --sample events.ndjson",
    "annals bench append --rate 5000 --duration 60s --url http://10.0.0.1:7400 -o json",
  ]);

  const mixed = bench
    .command("mixed")
    .description("append while consumers follow; says how late records are at a consumer")
    .option("--consumers <count>", "consumers, each at another node", "1")
    .action((options: AppendOptions & { readonly consumers: string }) =>
      runMixed(context, options),
    );
  examples(withTarget(withLoad(mixed)), [
    "annals bench mixed --rate 2000",
    "annals bench mixed --records-per-request 500 --in-flight 8 --consumers 3",
  ]);

  const consume = bench
    .command("consume")
    .description("read a whole log; a throw-away one is filled first")
    .option("--records <count>", "records that a throw-away log is filled with", "1000000")
    .option("--consumers <count>", "consumers, each at another node", "1")
    .option("--decode", "decode every record into an object, as a program does")
    .action((options: ConsumeOptions & { readonly records: string }) =>
      runConsume(context, options),
    );
  examples(withTarget(consume), [
    "annals bench consume",
    "annals bench consume --decode --consumers 3",
    "annals bench consume --url http://10.0.0.1:7400 --log audit",
  ]);

  const catchUp = bench
    .command("catchup")
    .description("bring a follower back that has missed records; always on a throw-away cluster")
    .option("--records <count>", "records that it has missed", "1000000")
    .action((options: TargetOptions & { readonly records: string }) =>
      runCatchUp(context, options),
    );
  examples(withThrowAway(withOutput(catchUp)), [
    "annals bench catchup",
    "annals bench catchup --records 10000000 -o json",
  ]);
}

function withLoad(command: Command): Command {
  const { recordsPerRequest, inFlight, transport, format, compression, recordBytes } =
    STANDARD_SHAPE;
  return command
    .option("--rate <records>", "records a second, whatever becomes of them (default: closed loop)")
    .option("--records-per-request <count>", "records of a request", String(recordsPerRequest))
    .option("--in-flight <count>", "requests on their way, at most", String(inFlight))
    .option("--connections <count>", "connections (default: as few as carry them)")
    .option("--transport <name>", "stream, http or sdk", transport)
    .option("--size <bytes>", "of a record, as it is sent", String(recordBytes))
    .option("--sample <file>", "records from a file of JSON lines, again and again")
    .option("--format <format>", "msgpack, json or ndjson", format)
    .option("--compression <coding>", "none, gzip or zstd, of bodies over HTTP", compression)
    .option("--duration <duration>", "how long is measured", "10s")
    .option("--warm-up <duration>", "how long before that does not count", "2s");
}

function withTarget(command: Command): Command {
  return withThrowAway(withOutput(command))
    .option(
      "--url <url>",
      "a node of the cluster to load; repeatable (default: a fresh one)",
      collect,
    )
    .option("--log <name>", `a log at --url; made if it is not there (default: ${GIVEN_LOG})`);
}

function withThrowAway(command: Command): Command {
  return command
    .option("--nodes <count>", "nodes of the fresh cluster: 1 or 3", "3")
    .option("--settings <yaml>", "more of its configuration, such as 'workers: { count: 1 }'")
    .option(
      "--data <directory>",
      "where its data is meanwhile (default: where temporary files are)",
    );
}

async function runAppend(context: CliContext, options: AppendOptions): Promise<void> {
  const shape = await loadShape(context, options);
  const pace = paceOf(options, shape);
  const [warmUpMs, durationMs] = times(options);
  await withTargetOf(context, options, async (target) => {
    const live = new Live(context);
    const what = shapeText(shape, pace, durationMs / 1000);
    const figures = await measureAppend(target, {
      shape,
      pace,
      warmUpMs,
      durationMs,
      signal: context.interrupt,
      onProgress: (progress) => live.drive(progress),
    }).finally(() => live.end());
    await print(context, options, target, what, figures);
  });
}

async function runMixed(
  context: CliContext,
  options: AppendOptions & { readonly consumers: string },
): Promise<void> {
  const shape = await loadShape(context, options);
  const pace = paceOf(options, shape);
  const consumers = wholeNumber("--consumers", options.consumers, 1, CONSUMERS_MAX);
  const [warmUpMs, durationMs] = times(options);
  await withTargetOf(context, options, async (target) => {
    const live = new Live(context);
    const what = `${shapeText(shape, pace, durationMs / 1000)}; ${consumers} following`;
    const figures = await measureMixed(target, {
      shape,
      pace,
      warmUpMs,
      durationMs,
      consumers,
      signal: context.interrupt,
      onProgress: (progress) => live.drive(progress),
    }).finally(() => live.end());
    await print(context, options, target, what, figures);
  });
}

async function runConsume(
  context: CliContext,
  options: ConsumeOptions & { readonly records: string },
): Promise<void> {
  const records = wholeNumber("--records", options.records, 1, RECORDS_MAX);
  const consumers = wholeNumber("--consumers", options.consumers, 1, CONSUMERS_MAX);
  await withTargetOf(context, options, async (target) => {
    const signal = context.interrupt;
    if (options.url === undefined) {
      const filling = new Progress(context.status, "fill");
      await fill(target, {
        shape: FILL_SHAPE,
        records,
        signal,
        onProgress: (done) =>
          filling.update({ done, total: records, unit: "records", records: done }),
      }).finally(() => filling.end());
    }
    const reading = new Progress(context.status, "read");
    const figures = await measureConsume(target, {
      consumers,
      decode: options.decode === true,
      signal,
      onProgress: (done, total) => reading.update({ done, total, unit: "records", records: done }),
    }).finally(() => reading.end());
    await print(context, options, target, "from the first record to the last", figures);
  });
}

async function runCatchUp(
  context: CliContext,
  options: TargetOptions & { readonly records: string },
): Promise<void> {
  const records = wholeNumber("--records", options.records, 1, RECORDS_MAX);
  if (options.nodes !== "3") throw usageError("--nodes: catching up needs three");
  await withThrowAwayOf(context, options, async (target) => {
    let progress: { readonly phase: string; readonly line: Progress } | undefined;
    const figures = await measureCatchUp(target, {
      records,
      shape: FILL_SHAPE,
      signal: context.interrupt,
      onProgress: (phase, done, total) => {
        if (progress?.phase !== phase) {
          progress?.line.end();
          progress = { phase, line: new Progress(context.status, phase) };
        }
        progress.line.update({ done, total, unit: "records", records: done });
      },
    }).finally(() => progress?.line.end());
    const what = `a follower that has missed ${formatCount(records)} records, under no load`;
    await print(context, options, target, what, figures);
  });
}

function times(options: LoadOptions): readonly [warmUpMs: number, durationMs: number] {
  return [duration("--warm-up", options.warmUp), duration("--duration", options.duration)];
}

async function withTargetOf(
  context: CliContext,
  options: TargetOptions,
  work: (target: Target) => Promise<void>,
): Promise<void> {
  const { url, log = GIVEN_LOG } = options;
  if (url === undefined) {
    if (options.log !== undefined) throw usageError("--log goes with --url");
    return withThrowAwayOf(context, options, work);
  }
  const target = await givenTarget(url, log, context.interrupt);
  try {
    await work(target);
  } finally {
    await target.close();
  }
}

async function withThrowAwayOf(
  context: CliContext,
  options: TargetOptions,
  work: (target: OwnTarget) => Promise<void>,
): Promise<void> {
  const { io, interrupt } = context;
  if (options.nodes !== "1" && options.nodes !== "3")
    throw usageError(`--nodes ${options.nodes}: expected 1 or 3`);
  const target = await throwAwayTarget({
    entry: io.entry,
    nodes: options.nodes === "1" ? 1 : 3,
    settings: options.settings ?? "",
    ...(options.data === undefined ? {} : { parent: resolve(io.cwd, options.data) }),
    signal: interrupt,
  });
  try {
    await work(target);
  } finally {
    await target.close();
  }
}

async function print(
  context: CliContext,
  options: TargetOptions,
  { durability }: Target,
  what: string,
  figures: Figures,
): Promise<void> {
  const format = context.format(options);
  const all = { what, durability, figures };
  if (format === "json") return context.printJson(all);
  if (format === "ndjson") return context.print(`${JSON.stringify(all)}\n`);
  const head = `${figures.kind}: ${what}\n${durability.join("\n")}\n\n`;
  return context.print(`${head}${figuresText(figures, context.look)}`);
}

/** How a drive goes, in the status line of a terminal. */
class Live {
  readonly #status: StatusLine;

  constructor({ status }: CliContext) {
    this.#status = status;
  }

  drive({ phase, elapsedMs, recordsPerSecond }: DriveProgress): void {
    if (!this.#status.isLive) return;
    const seconds = (elapsedMs / 1000).toFixed(1);
    this.#status.draw(`${phase} ${seconds} s, ${formatCount(recordsPerSecond)} records/s`);
  }

  end(): void {
    this.#status.clear();
  }
}
