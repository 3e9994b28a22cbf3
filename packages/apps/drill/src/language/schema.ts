import { z } from "zod";
import { EXPECTATIONS } from "./expectationSchema.ts";
import { expected } from "./quantities.ts";
import { SIZES } from "./scenario.ts";
import type { Expectation, ScenarioSize, Step } from "./scenario.ts";
import { STEPS } from "./stepSchema.ts";

const NODES_MAX = 9;
const LOGS_MAX = 256;

/** A scenario as its file says it: defaults and references are not looked at yet. */
export interface WrittenScenario {
  readonly name: string;
  readonly size?: ScenarioSize | undefined;
  readonly proves?: readonly string[] | undefined;
  readonly nodes?: number | readonly string[] | undefined;
  readonly logs?: number | readonly string[] | undefined;
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  readonly steps: readonly Step[];
  readonly expect: readonly Expectation[];
}

const nodeIds = z
  .array(
    z
      .string(expected("a node id"))
      .regex(/^[a-z][a-z0-9-]{0,31}$/, expected("lower-case letters, digits and dashes")),
  )
  .min(1)
  .max(NODES_MAX)
  .refine((ids) => new Set(ids).size === ids.length, { error: "a node is listed twice" });

const logNames = z
  .array(
    z
      .string(expected("the name of a log"))
      .regex(/^[a-z][a-z0-9._-]{0,63}$/, expected("lower-case letters, digits, . _ -")),
  )
  .min(1)
  .max(LOGS_MAX)
  .refine((names) => new Set(names).size === names.length, { error: "a log is listed twice" });

/** The file as a whole. Also the source of the JSON schema for editors. */
export const SCENARIO: z.ZodType<WrittenScenario> = z.strictObject(
  {
    name: z.string(expected("a text")).min(1).max(200).meta({
      description: "What the drill shows, in a few words.",
    }),
    size: z
      .enum(SIZES, expected(`one of ${SIZES.join(", ")}`))
      .optional()
      .meta({
        description:
          "short: runs with the tests; medium (default): by `pnpm drill`; long: only with --long.",
      }),
    proves: z
      .array(z.string(expected("the name of a queue")))
      .optional()
      .meta({
        description: "Rows of docs/bounds.md that it shows.",
      }),
    nodes: z
      .union(
        [z.int().min(1).max(NODES_MAX), nodeIds],
        expected(`1 to ${NODES_MAX} or a list of ids`),
      )
      .optional()
      .meta({ description: "How many nodes (a, b, c …), or their ids. Default 3." }),
    logs: z
      .union([z.int().min(1).max(LOGS_MAX), logNames], expected("a number or a list of names"))
      .optional()
      .meta({ description: "Logs (log-1, log-2 … for a number). Default [audit]." }),
    config: z
      .record(z.string(), z.unknown(), expected("keys of a node's configuration"))
      .optional()
      .meta({
        description: "Merged into every node's configuration.",
      }),
    steps: z.array(STEPS, expected("a list of steps")).min(1, { error: "there is no step" }),
    expect: z
      .array(EXPECTATIONS, expected("a list of expectations"))
      .min(1, { error: "nothing is expected: a drill that cannot fail shows nothing" }),
  },
  expected("a scenario: name, steps, expect"),
);

/** A JSON schema (draft 2020-12) of the file, for editors. */
export function scenarioJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(SCENARIO, { io: "input" }), title: "Annals drill" };
}
