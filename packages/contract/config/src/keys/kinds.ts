import { z } from "zod";
import { LOG_NAME_PATTERN, NODE_ID_PATTERN } from "@annals/system";
import { parseAddress } from "../address.ts";
import {
  BYTES_PATTERN,
  DURATION_PATTERN,
  formatBytes,
  formatDuration,
  parseBytes,
  parseDuration,
} from "../units.ts";
import type { Parsed } from "../units.ts";
import type { Declaration, KeyKind, KeyScope, KeyText } from "./keySpec.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export const LOG_COMPRESSIONS = ["none", "zstd"] as const;

/** What the schema of a key's value declares about the key. */
export const DECLARATIONS: z.core.$ZodRegistry<Declaration> = z.registry<Declaration>();

function declared<Schema extends z.ZodType>(schema: Schema, declaration: Declaration): Schema {
  // A copy, so that each key has a schema of its own.
  const own = schema.meta({ description: declaration.about });
  DECLARATIONS.add(own, declaration);
  return own;
}

const NODES_MAX = 31;
const LOGS_MAX = 256;

function describe(value: unknown): string {
  if (value === null || value === undefined) return "no value";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a section";
  return `${typeof value === "boolean" ? "the switch " : typeof value === "number" ? "the number " : ""}${JSON.stringify(value)}`;
}

function expected(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => `expected ${what}, found ${describe(issue.input)}` };
}

function quantity(
  pattern: string,
  what: string,
  parse: (text: string) => Parsed,
): z.ZodType<number, string> {
  return z
    .string({
      error: (issue) =>
        typeof issue.input === "number"
          ? `"${issue.input}" has no unit: write ${what}`
          : `expected ${what}, found ${describe(issue.input)}`,
    })
    .meta({ pattern })
    .transform((text, context) => {
      const parsed = parse(text);
      if (!parsed.ok) {
        context.addIssue({ code: "custom", message: parsed.message });
        return z.NEVER;
      }
      if (parsed.value < 1) {
        context.addIssue({ code: "custom", message: `"${text}" is below the least value 1` });
        return z.NEVER;
      }
      return parsed.value;
    });
}

function notAnAddress({ input }: { readonly input?: unknown }): string {
  return `${JSON.stringify(input)} is not host:port (port 1 to 65535; an IPv6 host in brackets and the whole quoted)`;
}

const address = z
  .string(expected("host:port"))
  .refine((text) => parseAddress(text) !== undefined, { error: notAnAddress });

const nodes = z
  .record(
    z.string().regex(NODE_ID_PATTERN, {
      error: "a node id is lower-case letters, digits and dashes, at most 32",
    }),
    address,
    expected("a section of id: host:port"),
  )
  .superRefine((value, context) => {
    const entries = Object.entries(value);
    if (entries.length === 0) context.addIssue({ code: "custom", message: "there is no node" });
    if (entries.length > NODES_MAX) {
      context.addIssue({
        code: "custom",
        message: `${entries.length} nodes are more than the ${NODES_MAX} allowed`,
      });
    }
    for (const [index, [id, text]] of entries.entries()) {
      const earlier = entries.slice(0, index).find(([, other]) => other === text);
      if (earlier === undefined) continue;
      context.addIssue({
        code: "custom",
        path: [id],
        message: `node ${id} has the address of node ${earlier[0]}, ${text}`,
      });
    }
  });

const logNames = z
  .array(
    z.string(expected("the name of a log")).regex(LOG_NAME_PATTERN, {
      error: (issue) =>
        `${JSON.stringify(issue.input)} is no log name: lower-case letters, digits, ". _ -", first a letter, at most 64`,
    }),
    expected("a list of log names"),
  )
  .max(LOGS_MAX, { error: `more than ${LOGS_MAX} logs` })
  .refine((names) => new Set(names).size === names.length, { error: "a log is listed twice" });

function choice<const T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodType<T[number], T[number]> {
  return z.enum(values, {
    error: (issue) => `${describe(issue.input)} is none of ${values.join(", ")}`,
  });
}

const schemas = {
  bytes: quantity(BYTES_PATTERN, "a size such as 64KiB or 10MB", parseBytes),
  duration: quantity(DURATION_PATTERN, "a duration such as 500ms or 30s", parseDuration),
  count: z
    .int(expected("a whole number"))
    .min(1, { error: (issue) => `${String(issue.input)} is below the least value 1` }),
  switch: z.boolean(expected("true or false")),
  path: z
    .string(expected("a path"))
    .min(1, { error: "the path is empty" })
    .refine((text) => !text.includes("\0"), { error: "the path holds a NUL character" })
    .refine((text) => !/^~(?:\/|$)/.test(text), {
      error: "~ is not replaced by a home directory here: write it out, or ${HOME}",
    }),
  name: z.string(expected("a name")).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
    error: "a cluster name is letters, digits and . _ -, at most 64",
  }),
  names: logNames,
  nodes,
  address: z
    .string(expected("host:port"))
    .refine((text) => text === "" || parseAddress(text) !== undefined, { error: notAnAddress }),
  level: choice(LOG_LEVELS),
  compression: choice(LOG_COMPRESSIONS),
};

type Declare<Schema, Standard, Text> = (
  standard: Standard | (() => Standard) | undefined,
  scope: KeyScope,
  text: Text,
) => Schema;

function keyOf<Schema extends z.ZodType>(
  kind: KeyKind,
  schema: Schema,
): Declare<Schema, z.input<Schema>, KeyText> {
  return (standard, scope, text) => declared(schema, { kind, standard, scope, ...text });
}

function numberOf<Standard extends string | number>(
  kind: KeyKind,
  schema: z.ZodType<number>,
): Declare<z.ZodType<number>, Standard, KeyText & { readonly greatest: number }> {
  return (standard, scope, text) => {
    const limited = schema.refine((value) => value <= text.greatest, {
      error: (issue) =>
        `${describeNumber(issue.input, kind)} is above the greatest value, ${describeNumber(text.greatest, kind)}`,
    });
    return declared(limited, { kind, standard, scope, ...text });
  };
}

/** Declares a key of each kind: its default as it would be written in YAML, its scope, and what it says about itself. */
export const key = {
  bytes: numberOf<string>("bytes", schemas.bytes),
  duration: numberOf<string>("duration", schemas.duration),
  count: numberOf<number>("count", schemas.count),
  switch: keyOf("switch", schemas.switch),
  path: keyOf("path", schemas.path),
  name: keyOf("name", schemas.name),
  names: keyOf("names", schemas.names),
  nodes: keyOf("nodes", schemas.nodes),
  address: keyOf("address", schemas.address),
  level: keyOf("level", schemas.level),
  compression: keyOf("compression", schemas.compression),
};

function describeNumber(value: unknown, kind: KeyKind): string {
  if (typeof value !== "number") return String(value);
  if (kind === "bytes") return formatBytes(value);
  return kind === "duration" ? formatDuration(value) : String(value);
}
