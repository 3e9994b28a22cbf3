import { z } from "zod";
import { oneOf } from "./oneOf.ts";
import { bytes, duration, expected, rate } from "./quantities.ts";
import { PAUSE_REASONS } from "./scenario.ts";
import type {
  AppendPlan,
  BlobPlan,
  NodeRefs,
  PauseReason,
  Printed,
  Step,
  StepBodies,
  WaitBodies,
  WaitCondition,
} from "./scenario.ts";

const WITHIN_MS = 60_000;
const IN_FLIGHT = 4;
const IN_FLIGHT_MAX = 16;
const RECORDS_MAX = 10_000;
const RECORD_BYTES = 256;
const TIMES_MAX = 10_000;

export const node: z.ZodType<string> = z.string(expected("a node")).meta({
  description: "A node's id, or leader, follower, follower2 …",
});
const log = z.string(expected("the name of a log"));

const nodes: z.ZodType<NodeRefs> = z
  .union([z.string(), z.array(z.string()).min(1)], expected("a node or a list of nodes"))
  .transform((value) => (typeof value === "string" ? [value] : value));

const yes: z.ZodType<true> = z.literal(true, expected("true"));
export const reason: z.ZodType<PauseReason> = z.enum(
  PAUSE_REASONS,
  expected(`one of ${PAUSE_REASONS.join(", ")}`),
);

/** A whole number within bounds. */
export function count(least: number, most: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const upTo = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
  const what = expected(`a whole number, ${least}${upTo === "" ? " or more" : upTo}`);
  return z.int(what).min(least, what).max(most, what);
}

/** A regular expression, without delimiters. */
export const regex: z.ZodType<string> = z
  .string(expected("a regular expression"))
  .refine(isRegex, { error: "is no regular expression" });

function isRegex(text: string): boolean {
  try {
    return new RegExp(text).source !== "";
  } catch {
    return false;
  }
}

const PLAN = {
  log: z
    .union([log, z.array(log).min(1)], expected("a log, a list of logs, or all"))
    .optional()
    .meta({ description: "A log, a list of logs, or all. Default: the first one." }),
  records: count(1, RECORDS_MAX).optional().meta({ description: "In a batch. Default 1." }),
  bytes: bytes.optional().meta({ description: "Of each record as JSON. Default 256B." }),
  inFlight: count(1, IN_FLIGHT_MAX)
    .optional()
    .meta({ description: "Batches at a time. Default 4." }),
  rate: rate.optional().meta({ description: "Records a second of each log. Default: no limit." }),
  to: node.optional(),
};

interface WrittenPlan {
  readonly log?: string | readonly string[] | undefined;
  readonly records?: number | undefined;
  readonly bytes?: number | undefined;
  readonly inFlight?: number | undefined;
  readonly rate?: number | undefined;
  readonly to?: string | undefined;
}

function plan(written: WrittenPlan, batches: number | undefined): AppendPlan {
  const { log, records = 1, bytes = RECORD_BYTES, inFlight = IN_FLIGHT, rate, to } = written;
  const logs = log === undefined || log === "all" ? log : typeof log === "string" ? [log] : log;
  return { logs, batches, records, bytes, inFlight, rate, to };
}

const section = expected("a section of keys");

const append: z.ZodType<AppendPlan> = z
  .strictObject(
    { ...PLAN, batches: count(1).meta({ description: "Requests to each log." }) },
    section,
  )
  .transform((written) => plan(written, written.batches));

const load: z.ZodType<StepBodies["load"]> = z
  .strictObject({ ...PLAN, name: z.string(expected("a name")) }, section)
  .transform((written) => ({ ...plan(written, undefined), name: written.name }));

const blobs: z.ZodType<BlobPlan> = z
  .strictObject(
    { log: log.optional(), count: count(1), bytes, inFlight: count(1, IN_FLIGHT_MAX).optional() },
    section,
  )
  .transform(({ log, count, bytes, inFlight = 1 }) => ({ log, count, bytes, inFlight }));

const atLeast = count(1);

const words = z
  .array(z.string(expected("text")))
  .min(1)
  .meta({ description: "The words of a command of annals. {here}: where the drill was started." });

/** A command of annals, and what it is to print. */
export const printed: z.ZodType<Printed> = z.strictObject({ run: words, matches: regex }, section);

const programName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, "expected the name of a program, such as import");

const WAITS: { readonly [Kind in keyof WaitBodies]: z.ZodType<WaitBodies[Kind]> } = {
  converged: z.union([yes, nodes], expected("true or a list of nodes")),
  caughtUp: nodes,
  leader: yes,
  ready: nodes,
  progress: z.strictObject({ node, records: count(1) }, section),
  gauge: z.strictObject({ name: z.string(expected("a queue")), node, atLeast }, section),
  pauses: z.strictObject({ reason, node, atLeast }, section),
  logLine: z.strictObject({ node, matches: regex }, section),
  reason: z.strictObject({ node, matches: regex }, section),
  workerDeaths: z.strictObject({ node, atLeast }, section),
  prints: printed,
};

const waitFor: z.ZodType<StepBodies["waitFor"]> = oneOf<WaitCondition>("condition", WAITS, {
  within: duration.optional().meta({ description: "Default 60s." }),
}).transform(({ within, ...condition }) => ({
  condition: condition as WaitCondition,
  within: typeof within === "number" ? within : WITHIN_MS,
}));

const BODIES: { readonly [Kind in keyof StepBodies]: z.ZodType<StepBodies[Kind]> } = {
  start: nodes,
  stop: nodes,
  kill: nodes,
  freeze: z
    .strictObject({ node, for: duration.optional() }, section)
    .transform((freeze) => ({ node: freeze.node, for: freeze.for })),
  thaw: nodes,
  wipe: nodes,
  coldCache: nodes,
  partition: z
    .strictObject(
      {
        between: z
          .array(z.array(z.string()).min(1))
          .min(2, { error: "expected two groups or more" }),
        oneWay: z.boolean().optional(),
      },
      section,
    )
    .transform(({ between, oneWay = false }) => ({ between, oneWay })),
  slowLinks: z
    .strictObject(
      {
        node,
        delay: duration.optional(),
        bytesPerSecond: bytes.optional(),
        loss: z.number().gt(0).lt(1).optional(),
      },
      section,
    )
    .transform(({ node, delay, bytesPerSecond, loss }) => ({ node, delay, bytesPerSecond, loss })),
  resetLinks: nodes,
  heal: yes,
  slowDisk: z
    .strictObject(
      {
        node,
        delay: duration.optional(),
        bytesPerSecond: bytes.optional(),
        files: z.enum(["all", "blobs"]).optional(),
      },
      section,
    )
    .refine(({ delay, bytesPerSecond }) => delay !== undefined || bytesPerSecond !== undefined, {
      error: "needs delay or bytesPerSecond",
    })
    .transform(({ node, delay, bytesPerSecond, files = "all" }) => ({
      node,
      delay,
      bytesPerSecond,
      files,
    })),
  diskRecovers: nodes,
  killWorker: z
    .strictObject({ node, log: log.optional() }, section)
    .transform(({ node, log }) => ({ node, log })),
  poison: z.strictObject({ node, log }, section),
  cure: nodes,
  transfer: z
    .strictObject({ to: node, log: log.optional() }, section)
    .transform(({ to, log }) => ({ to, log })),
  append,
  load,
  endLoad: z.string(expected("the name of a load")),
  blobs,
  program: z.strictObject({ name: programName, run: words }, section),
  finish: programName,
  endProgram: programName,
  killProgram: programName,
  waitFor,
  wait: duration,
  repeat: z.strictObject(
    {
      times: count(1, TIMES_MAX),
      steps: z.array(z.lazy((): z.ZodType<Step> => STEPS)).min(1),
    },
    section,
  ),
};

export const STEPS: z.ZodType<Step> = oneOf<Step>("step", BODIES).transform((step) => ({
  ...step,
  text: "",
}));
