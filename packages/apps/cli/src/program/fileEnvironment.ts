import { ScenarioError, ScenarioSource } from "@annals/drill";
import { envName, nearest } from "@annals/config";
import { z } from "zod";
import { bareSchema } from "./fileProblems.ts";
import type { Environment } from "./yamlFile.ts";

/** `sinks` or `sources`: the variables of its file begin with `ANNALS_` and this word. */
export type FileScheme = "sinks" | "sources";

export interface FileWithEnvironment {
  readonly value: unknown;
  /** The variable that a key was set by, by dotted path. */
  readonly origins: ReadonlyMap<string, string>;
  /** What is wrong with the variables. */
  readonly problems: readonly string[];
}

interface Leaf {
  readonly path: readonly string[];
  /** `list`: texts with commas between them. `yaml`: whatever the text means there. */
  readonly kind: "text" | "list" | "yaml";
}

/**
 * Sets the keys of a file that the environment names: `sinks.archive.chunkSize` by `ANNALS_SINKS_ARCHIVE_CHUNK_SIZE`. Only names that the
 * file has can be meant, so each variable means one key or none; where two names of the file would be one variable, it is refused.
 */
export function withEnvironment(
  given: unknown,
  schema: z.ZodType,
  scheme: FileScheme,
  env: Environment,
): FileWithEnvironment {
  const leaves = new Map<string, Leaf[]>();
  for (const leaf of leavesOf(schema, given, [])) {
    const name = variableOf(scheme, leaf.path);
    leaves.set(name, [...(leaves.get(name) ?? []), leaf]);
  }
  const value: unknown = structuredClone(given);
  const origins = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, found] of leaves) {
    const text = env[name];
    const [leaf, other] = found;
    if (text === undefined || text === "" || leaf === undefined) continue;
    if (other !== undefined) {
      const both = found.map(({ path }) => path.join(".")).join(" and ");
      problems.push(`the variable ${name} could be ${both}: rename one of them`);
      continue;
    }
    try {
      setAt(value, leaf.path, valueOf(leaf, text));
      origins.set(leaf.path.join("."), name);
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      problems.push(`the variable ${name} is no YAML: ${error.message}`);
    }
  }
  const own = new Set(namedIn(value));
  const unknown = Object.keys(env).filter(
    (name) => isOfScheme(name, scheme) && !leaves.has(name) && !own.has(name),
  );
  problems.push(...unknown.map((name) => unknownText(name, [...leaves.keys()])));
  return { value, origins, problems };
}

/** The end of a help text. */
export function environmentHelp(scheme: FileScheme, name: string, written: string): string {
  const [key = "", value = ""] = written.split(": ");
  const variable = variableOf(scheme, [scheme, name, key]);
  return `
Environment:
  Each key of the file may be set by a variable, which beats the file: ${variable}=${value} is
  ${key} of ${name}, ${variableOf(scheme, ["listen"])} is listen. A variable that looks like one and is none is refused.
`;
}

/** `sinks.archive.chunkSize` is `ANNALS_SINKS_ARCHIVE_CHUNK_SIZE`, and `listen` is `ANNALS_SINKS_LISTEN`. */
function variableOf(scheme: FileScheme, path: readonly string[]): string {
  const within = path[0] === scheme ? path.slice(1) : path;
  return envName([scheme, ...within].join(".")).replaceAll("-", "_");
}

/** Kubernetes sets variables for each service that it has, such as ANNALS_SINKS_SERVICE_HOST and ANNALS_SINKS_PORT_7490_TCP_ADDR. */
const ORCHESTRATED = /_SERVICE_(?:HOST|PORT)(?:_[A-Z0-9_]+)?$|_PORT(?:_\d+_[A-Z]+(?:_[A-Z]+)?)?$/;

function isOfScheme(name: string, scheme: FileScheme): boolean {
  const word = scheme.toUpperCase();
  const isNamed = [word, word.slice(0, -1)].some((one) => name.startsWith(`ANNALS_${one}_`));
  return isNamed && !ORCHESTRATED.test(name);
}

function unknownText(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "the file has no such key" : `did you mean ${meant}?`;
  return `unknown variable ${name}, ${hint}`;
}

function* leavesOf(schema: unknown, value: unknown, path: readonly string[]): Generator<Leaf> {
  const found = bareSchema(schema);
  if (found instanceof z.ZodObject) {
    for (const [key, inner] of Object.entries<unknown>(found.shape))
      yield* leavesOf(inner, within(value, key), [...path, key]);
  } else if (found instanceof z.ZodRecord) {
    for (const name of Object.keys(isMap(value) ? value : {}))
      yield* leavesOf(found.valueType, within(value, name), [...path, name]);
  } else if (found instanceof z.ZodUnion) {
    yield { path, kind: "yaml" };
    for (const option of found.options) {
      const inner = bareSchema(option);
      if (inner instanceof z.ZodObject) yield* leavesOf(inner, value, path);
    }
  } else yield { path, kind: kindOf(found) };
}

function kindOf(schema: unknown): Leaf["kind"] {
  if (schema instanceof z.ZodArray)
    return bareSchema(schema.element) instanceof z.ZodString ? "list" : "yaml";
  const isOther = schema instanceof z.ZodNumber || schema instanceof z.ZodBoolean;
  return isOther ? "yaml" : "text";
}

function valueOf({ kind }: Leaf, text: string): unknown {
  if (kind === "text") return text;
  if (kind === "list") return text.split(",").map((one) => one.trim());
  const source = new ScenarioSource(text, "environment");
  const problems = source.syntaxProblems();
  if (problems.length > 0) throw new ScenarioError(problems);
  return source.value();
}

/** Makes what is missing on the way. Something that is no map is left for the schema to refuse. */
function setAt(root: unknown, path: readonly string[], value: unknown): void {
  let at = root;
  for (const key of path.slice(0, -1)) {
    if (!isMap(at)) return;
    if (!isMap(at[key])) at[key] = {};
    at = at[key];
  }
  const last = path.at(-1);
  if (isMap(at) && last !== undefined) at[last] = value;
}

function within(value: unknown, key: string): unknown {
  return isMap(value) ? value[key] : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Variables that the file names as the place of a secret. */
function namedIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key.endsWith("Env") && typeof inner === "string" ? [inner] : namedIn(inner),
  );
}
