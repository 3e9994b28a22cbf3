import { parseBytes } from "@annals/config";
import { z } from "zod";

/** One sink of a file, with defaults filled in. */
export interface SinkSpec {
  readonly log: string;
  /** Default: `sink.` and its name. */
  readonly group?: string | undefined;
  readonly from: "first" | "end" | number | (string & {});
  readonly lanes: number;
  readonly laneKey: "actor" | "target" | "tenant";
  readonly chunkSize?: number | undefined;
  readonly chunkBytes?: number | undefined;
  readonly readBytes?: number | undefined;
  readonly deadLetters: {
    readonly log?: string | undefined;
    readonly max?: number | undefined;
    readonly part?: number | undefined;
  };
  /** Where it writes to; exactly one. */
  readonly to: {
    readonly ndjson?:
      | { readonly directory: string; readonly rotateBytes?: number | undefined }
      | undefined;
    /** `secretEnv`: name of the environment variable with the secret. */
    readonly webhook?: { readonly url: string; readonly secretEnv: string } | undefined;
    readonly postgres?: { readonly url: string; readonly schema?: string | undefined } | undefined;
    readonly graph?: WrittenGraph | undefined;
  };
}

/** Where a graph is. */
export interface WrittenGraph {
  /** `bolt://…`, `neo4j://…` or `grafeo:FILE`. */
  readonly url: string;
  readonly user?: string | undefined;
  /** Name of the environment variable with the password. */
  readonly passwordEnv?: string | undefined;
  readonly database?: string | undefined;
  readonly degreeBudget?: number | undefined;
  /** `git`, for records of `annals import git`, or a YAML file that says what becomes of a record. */
  readonly mapping?: string | undefined;
}

/** A file of sinks. */
export interface WrittenSinks {
  readonly url?: string | readonly string[] | undefined;
  readonly listen?: string | undefined;
  readonly sinks: Readonly<Record<string, SinkSpec>>;
}

const NAME = /^[a-z][a-z0-9._-]{0,39}$/;
const LOG = /^[a-z][a-z0-9._-]{0,63}$/;
const LANES_MAX = 64;
const CHUNK_MAX = 10_000;

const bytes = z.string("expected a size such as 1MiB").transform((text, context) => {
  const parsed = parseBytes(text);
  if (parsed.ok && parsed.value >= 1) return parsed.value;
  context.addIssue({ code: "custom", message: parsed.ok ? "at least 1 B" : parsed.message });
  return z.NEVER;
});
const count = (max: number): z.ZodInt =>
  z.int("expected a whole number").min(1, "at least 1").max(max, `at most ${max}`);
const log = z.string().regex(LOG, "expected the name of a log");
const url = z.url({ protocol: /^https?$/, error: "expected a URL such as https://host/path" });

const ndjson = z.strictObject({ directory: z.string().min(1), rotateBytes: bytes.optional() });
const webhook = z.strictObject({
  url,
  secretEnv: z.string().min(1),
});
const postgres = z.strictObject({
  url: z.url({ protocol: /^postgres(ql)?$/, error: "expected postgres://user@host/database" }),
  schema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,39}$/, "expected a plain name")
    .optional(),
});

const graph = z.strictObject({
  url: z
    .string()
    .regex(
      /^(?:(?:bolt|neo4j)(?:\+s|\+ssc)?:\/\/|grafeo:)/,
      "expected bolt://…, neo4j://… or grafeo:FILE",
    ),
  user: z.string().min(1).optional(),
  passwordEnv: z.string().min(1).optional(),
  database: z.string().min(1).optional(),
  degreeBudget: z.int().min(16, "at least 16").optional(),
  mapping: z.string().min(1).optional(),
});

const to = z
  .strictObject({
    ndjson: ndjson.optional(),
    webhook: webhook.optional(),
    postgres: postgres.optional(),
    graph: graph.optional(),
  })
  .refine((given) => Object.values(given).filter((one) => one !== undefined).length === 1, {
    message: "expected exactly one of ndjson, webhook, postgres, graph",
  });

const sink = z
  .strictObject({
    log: log.default("audit"),
    group: log.optional(),
    from: z
      .union([z.literal("first"), z.literal("end"), z.int().min(0), z.iso.datetime()], {
        error: "expected first, end, a seq, or a time such as 2026-01-31T00:00:00Z",
      })
      .default("first"),
    lanes: count(LANES_MAX).default(1),
    laneKey: z.enum(["actor", "target", "tenant"]).default("actor"),
    chunkSize: count(CHUNK_MAX).optional(),
    chunkBytes: bytes.optional(),
    readBytes: bytes.optional(),
    deadLetters: z
      .strictObject({
        log: log.optional(),
        max: z.int().min(0).optional(),
        part: z.number().min(0).max(1).optional(),
      })
      .default({}),
    to,
  })
  .refine((given) => given.deadLetters.log !== given.log, {
    path: ["deadLetters", "log"],
    message: "the log that the sink follows: each letter would be a record for it",
  });

export const SINK_FILE: z.ZodType<WrittenSinks> = z.strictObject({
  url: z.union([url, z.array(url).min(1)]).optional(),
  listen: z
    .string()
    .regex(/^[^\s:]+:\d{1,5}$/, "expected host:port")
    .optional(),
  sinks: z
    .record(z.string().regex(NAME, "expected a name such as archive"), sink)
    .superRefine((sinks, context) => {
      const problems = [
        ...sharedBy(
          sinks,
          "group",
          (name, { log: followed, group }) =>
            // Each would get what the other one does not, and neither would say so.
            `group ${group ?? `sink.${name}`} of log ${followed}`,
        ),
        ...sharedBy(sinks, "to", (_name, { to: { ndjson: files } }) =>
          files === undefined ? undefined : `the directory ${files.directory}`,
        ),
      ];
      for (const { path, message } of problems)
        context.addIssue({ code: "custom", path: [...path], message });
    }),
});

interface Shared {
  readonly path: readonly string[];
  readonly message: string;
}

/** Sinks that have something in common of which each needs one of its own. */
function sharedBy(
  sinks: Readonly<Record<string, SinkSpec>>,
  key: string,
  what: (name: string, spec: SinkSpec) => string | undefined,
): readonly Shared[] {
  const first = new Map<string, string>();
  return Object.entries(sinks).flatMap(([name, spec]): readonly Shared[] => {
    const thing = what(name, spec);
    const other = thing === undefined ? undefined : first.get(thing);
    if (thing !== undefined && other === undefined) first.set(thing, name);
    if (other === undefined) return [];
    return [{ path: [name, key], message: `${thing} is that of sink ${other}: give each its own` }];
  });
}
