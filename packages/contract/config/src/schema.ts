import { z } from "zod";
import { LOG_NAME_PATTERN, NODE_ID_PATTERN } from "@annals/system";
import { parseAddress } from "./address.ts";
import { CEILINGS } from "./ceilings.ts";
import { KEYS, standardValue } from "./keys.ts";
import type { KeyKind, KeySpec } from "./keySpec.ts";
import { LOG_COMPRESSIONS, LOG_LEVELS } from "./nodeConfig.ts";
import {
  BYTES_PATTERN,
  DURATION_PATTERN,
  formatBytes,
  formatDuration,
  parseBytes,
  parseDuration,
} from "./units.ts";
import type { Parsed } from "./units.ts";

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
): z.ZodType<number> {
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

function choice<const T extends readonly [string, ...string[]]>(values: T): z.ZodType<T[number]> {
  return z.enum(values, {
    error: (issue) => `${describe(issue.input)} is none of ${values.join(", ")}`,
  });
}

/** One schema a kind: takes the value in YAML form, gives the resolved one. */
const SCHEMAS: Readonly<Record<KeyKind, z.ZodType>> = {
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

/** The schema of one key's value. */
export function valueSchema({ path, kind }: KeySpec): z.ZodType {
  const schema = SCHEMAS[kind];
  const most = CEILINGS[path];
  if (most === undefined) return schema;
  return schema.refine((value) => typeof value !== "number" || value <= most, {
    error: (issue) =>
      `${describeNumber(issue.input, kind)} is above the greatest value, ${describeNumber(most, kind)}`,
  });
}

function describeNumber(value: unknown, kind: KeyKind): string {
  if (typeof value !== "number") return String(value);
  if (kind === "bytes") return formatBytes(value);
  return kind === "duration" ? formatDuration(value) : String(value);
}

type Shape = { [name: string]: Shape | z.ZodType };

function isSchema(value: Shape | z.ZodType): value is z.ZodType {
  return value instanceof z.ZodType;
}

function objectOf(shape: Shape): z.ZodType {
  return z.strictObject(
    Object.fromEntries(
      Object.entries(shape).map(([name, value]) => [
        name,
        isSchema(value) ? value : objectOf(value).optional(),
      ]),
    ),
  );
}

interface JsonSchema {
  default?: unknown;
  properties?: Record<string, JsonSchema>;
}

function jsonProperty(schema: JsonSchema, path: string): JsonSchema | undefined {
  let at: JsonSchema | undefined = schema;
  for (const part of path.split(".")) at = at?.properties?.[part];
  return at;
}

/** A JSON schema (draft 2020-12) of the file, for editors. Descriptions and defaults come from the same table as everything else. */
export function configJsonSchema(): Record<string, unknown> {
  const root: Shape = {};
  for (const spec of KEYS) {
    const parts = spec.path.split(".");
    let section = root;
    for (const part of parts.slice(0, -1)) {
      const inner = (section[part] ??= {});
      if (isSchema(inner)) throw new TypeError(`${spec.path} lies below a key`);
      section = inner;
    }
    const described = valueSchema(spec).meta({ description: spec.about });
    section[parts.at(-1) ?? ""] = spec.standard === undefined ? described : described.optional();
  }
  const schema = z.toJSONSchema(objectOf(root), { io: "input" });
  for (const spec of KEYS) {
    // Set here and not by `meta`: zod leaves the default of a value with a unit out of the schema of its input.
    const property = jsonProperty(schema as JsonSchema, spec.path);
    const fixed = typeof spec.standard === "function" ? undefined : standardValue(spec);
    if (property !== undefined && fixed !== undefined) property.default = fixed;
  }
  // Keys that start with x- are for the author's own anchors.
  return { ...schema, title: "Annals configuration", patternProperties: { "^x-": {} } };
}
