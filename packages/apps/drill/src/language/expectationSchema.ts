import { z } from "zod";
import { oneOf } from "./oneOf.ts";
import { duration, expected, limit, percent } from "./quantities.ts";
import type { Expectation, ExpectationBodies } from "./scenario.ts";
import { count, node, printed, reason, regex } from "./stepSchema.ts";

const section = expected("a section of keys");
const yes: z.ZodType<true> = z.literal(true, expected("true"));

const anyNode = node.optional().meta({ description: "Default: every node." });

const BODIES: {
  readonly [Kind in keyof ExpectationBodies]: z.ZodType<ExpectationBodies[Kind]>;
} = {
  converged: yes,
  peakRssOverIdle: z
    .strictObject({ node: anyNode, atMost: limit }, section)
    .transform(({ node, atMost }) => ({ node, atMost })),
  rssGrowth: z
    .strictObject({ node: anyNode, atMost: percent }, section)
    .transform(({ node, atMost }) => ({ node, atMostPercent: atMost })),
  peak: z
    .strictObject({ gauge: z.string(expected("a queue")), node: anyNode, atMost: limit }, section)
    .transform(({ gauge, node, atMost }) => ({ gauge, node, atMost })),
  pauses: z
    .strictObject(
      { reason, node: anyNode, atLeast: count(0).optional(), atMost: count(0).optional() },
      section,
    )
    .transform(({ reason, node, atLeast = 0, atMost }) => ({ reason, node, atLeast, atMost })),
  pausesReleased: yes,
  elections: count(0),
  logLine: z
    .strictObject({ node: anyNode, matches: regex, atLeast: count(1).optional() }, section)
    .transform(({ node, matches, atLeast = 1 }) => ({ node, matches, atLeast })),
  noLogLine: regex,
  workerDeaths: z
    .strictObject({ node, atLeast: count(0).optional(), atMost: count(0).optional() }, section)
    .transform(({ node, atLeast = 0, atMost }) => ({ node, atLeast, atMost })),
  reassignments: z
    .strictObject({ node, spacedBy: duration, atLeast: count(1).optional() }, section)
    .transform(({ node, spacedBy, atLeast = 1 }) => ({ node, spacedBy, atLeast })),
  onlyOrphansMoved: node,
  resumesLater: node,
  timeToFirstCommit: z.strictObject({ atMost: duration }, section),
  linkFaults: z
    .strictObject(
      { node: anyNode, code: z.string().regex(/^ERR_[A-Z_]+$/), atMost: count(0) },
      section,
    )
    .transform(({ node, code, atMost }) => ({ node, code, atMost })),
  prints: printed,
};

export const EXPECTATIONS: z.ZodType<Expectation> = oneOf<Expectation>(
  "expectation",
  BODIES,
).transform((expectation) => ({ ...expectation, text: "" }));
