import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { descriptorLimit } from "./budget/descriptors.ts";
import { didYouMean, editDistance } from "./nearest.ts";
import { parseAddress } from "./address.ts";
import { fitDefaults, fitToFiles } from "./fitDefaults.ts";
import { envName } from "./envName.ts";
import { KEYS, SECTIONS, findKey, parseValue, standardValue, writtenValue } from "./keys/keys.ts";
import type { KeySpec } from "./keys/keySpec.ts";
import { SETTINGS } from "./keys/nodeConfig.ts";
import type { NodeConfig } from "./keys/nodeConfig.ts";
import type { ConfigPlace, ConfigProblem } from "./problem.ts";
import { checkRelations } from "./relations.ts";
import { coerceText, nearestKey, readSource } from "./yaml/source.ts";
import type { RawValue } from "./yaml/source.ts";

export interface LoadConfigOptions {
  /** Path of the YAML file; also names `text` in messages. Without file and text the environment and the flags stand alone. */
  readonly file?: string | undefined;
  /** The content of the file, when it need not be read. */
  readonly text?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values from the command line by dotted path, such as `raft.tick`. They beat environment and file. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
  /** Which node this is; else `ANNALS_NODE`, else the only node. */
  readonly node?: string | undefined;
  /** Takes the first node when none is named: for checks that concern the file as a whole. */
  readonly anyNode?: boolean | undefined;
  /** Files that the process may have open; by default what the system says. */
  readonly maxOpenFiles?: number | undefined;
}

/** Where each value came from, by dotted path. */
export type ConfigOrigin = ReadonlyMap<string, ConfigPlace>;

export type LoadConfigResult =
  | { readonly ok: true; readonly config: NodeConfig; readonly origin: ConfigOrigin }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Variables that begin with `ANNALS_` and are no keys: read by the command or by this file. */
export const RESERVED_ENV: readonly string[] = [
  "ANNALS_CONFIG",
  "ANNALS_NODE",
  "ANNALS_URL",
  "ANNALS_TIMEOUT",
  "ANNALS_OUTPUT",
];

/** Reads, checks and resolves a configuration. Reports every problem at once; throws never. */
export function loadConfig(options: LoadConfigOptions): LoadConfigResult {
  const problems: ConfigProblem[] = [];
  const file = options.file ?? "configuration";
  const text = readText(options, problems);
  if (text === undefined) return { ok: false, problems };
  const named = options.node ?? emptyToUndefined(options.env["ANNALS_NODE"]);
  const directory = options.file === undefined ? process.cwd() : dirname(resolve(options.file));
  const read = (node: string | undefined) =>
    readSource(text, file, { env: options.env, directory, node });

  // `${node}` needs the node, and the node may be the only one of the file: a first pass finds it.
  const node = named ?? pickNode(read("node").values.get("nodes")?.value, options.anyNode === true);
  const source = read(node);
  problems.push(...source.problems);

  const raw = new Map<string, RawValue>(source.values);
  applyEnvironment(options.env, raw, problems);
  applyFlags(options.flags ?? {}, raw, problems);
  const broken = new Set(source.problems.flatMap((problem) => problem.path ?? []));
  const { values: resolved, origin } = resolveValues(raw, broken, options.file, problems);
  for (const { paths, message, hint } of checkRelations(resolved)) {
    const path = paths.find((candidate) => raw.has(candidate)) ?? paths[0];
    problems.push({ ...located(raw, path, []), path, message, hint });
  }
  const nodes = resolved.get("nodes");
  const self = chooseNode(nodes, named, options, raw, problems);
  if (problems.length > 0 || self === undefined) return { ok: false, problems };
  const values = fitted(resolved, origin, options.maxOpenFiles, (some) =>
    assemble(some, self, directory),
  );
  return { ok: true, config: assemble(values, self, directory), origin };
}

/** With defaults that fit the memory and the files that may be open; their origin says so. */
function fitted(
  values: ReadonlyMap<string, unknown>,
  origin: Map<string, ConfigPlace>,
  maxOpenFiles: number | undefined,
  assembled: (values: ReadonlyMap<string, unknown>) => NodeConfig,
): ReadonlyMap<string, unknown> {
  const given = [...origin].filter(([, { kind }]) => kind !== "default").map(([path]) => path);
  const lowered = fitDefaults(values, new Set(given), assembled);
  const roomy = new Map([...values, ...lowered]);
  const fewer = fitToFiles(roomy, new Set(given), maxOpenFiles ?? descriptorLimit(), assembled);
  for (const [path, value] of [...lowered, ...fewer])
    if (value !== values.get(path)) origin.set(path, { kind: "fitted" });
  return new Map([...roomy, ...fewer]);
}

function emptyToUndefined(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function readText(options: LoadConfigOptions, problems: ConfigProblem[]): string | undefined {
  if (options.text !== undefined) return options.text;
  if (options.file === undefined) return "";
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(options.file));
  } catch (error) {
    problems.push(general(`the configuration file ${options.file} ${unreadable(error)}`));
    return undefined;
  }
}

const FILE_REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EISDIR: "is a directory",
  EACCES: "may not be read by this user",
  ENOTDIR: "does not exist: a part of its path is a file",
};

function unreadable(error: unknown): string {
  if (error instanceof TypeError) return "is not UTF-8";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return FILE_REFUSALS[code] ?? `cannot be read: ${code === "" ? String(error) : code}`;
}

function general(message: string, hint?: string): ConfigProblem {
  return { place: { kind: "default" }, path: undefined, message, hint, frame: undefined };
}

function pickNode(nodes: unknown, anyNode: boolean): string | undefined {
  if (nodes === undefined) return "a";
  if (typeof nodes !== "object" || nodes === null) return undefined;
  const ids = Object.keys(nodes);
  return ids.length === 1 || anyNode ? ids[0] : undefined;
}

function chooseNode(
  nodes: unknown,
  named: string | undefined,
  options: LoadConfigOptions,
  raw: ReadonlyMap<string, RawValue>,
  problems: ConfigProblem[],
): string | undefined {
  if (typeof nodes !== "object" || nodes === null) return undefined;
  const ids = Object.keys(nodes);
  const node = named ?? pickNode(nodes, options.anyNode === true);
  if (node === undefined) {
    problems.push(
      general(
        `which node is this? The file has ${ids.join(", ")}`,
        "say --node ID or set ANNALS_NODE",
      ),
    );
    return undefined;
  }
  if (ids.includes(node)) return node;
  const message = `there is no node "${node}"${didYouMean(node, ids)} The nodes are ${ids.join(", ")}`;
  problems.push({ ...located(raw, "nodes", []), path: "nodes", message, hint: undefined });
  return undefined;
}

function outside(
  text: string,
  place: ConfigPlace,
  kind: Parameters<typeof coerceText>[0],
): RawValue {
  return { value: coerceText(kind, text), place, locate: () => ({ place, frame: undefined }) };
}

function applyEnvironment(
  env: LoadConfigOptions["env"],
  raw: Map<string, RawValue>,
  problems: ConfigProblem[],
): void {
  for (const spec of KEYS) {
    const name = envName(spec.path);
    const text = emptyToUndefined(env[name]);
    if (text !== undefined) raw.set(spec.path, outside(text, { kind: "env", name }, spec.kind));
  }
  for (const name of Object.keys(env)) {
    const meant = misspelledKey(name);
    if (meant === undefined) continue;
    problems.push({
      place: { kind: "env", name },
      path: undefined,
      message: `unknown variable${meant === "" ? "" : `, did you mean ${meant}?`}`,
      hint: undefined,
      frame: undefined,
    });
  }
}

/**
 * The variable that was meant by one that looks like a key and is none ("" if unclear); undefined for all others. Orchestrators set
 * variables such as ANNALS_SERVICE_HOST of their own, so only a known section or a small slip makes a variable look like a key.
 */
function misspelledKey(name: string): string | undefined {
  if (!name.startsWith("ANNALS_") || RESERVED_ENV.includes(name)) return undefined;
  const known = KEYS.map((spec) => envName(spec.path));
  if (known.includes(name)) return undefined;
  const close = known
    .concat(RESERVED_ENV)
    .map((candidate) => ({ candidate, distance: editDistance(candidate, name) }))
    .reduce((best, next) => (next.distance < best.distance ? next : best));
  if (close.distance <= 2) return close.candidate;
  const sections = [...SECTIONS].map((section) => `${envName(section)}_`);
  if (!sections.some((section) => name.startsWith(section))) return undefined;
  return close.distance <= 4 ? close.candidate : "";
}

function applyFlags(
  flags: Readonly<Record<string, string>>,
  raw: Map<string, RawValue>,
  problems: ConfigProblem[],
): void {
  for (const [path, text] of Object.entries(flags)) {
    const spec = findKey(path);
    const place: ConfigPlace = { kind: "flag", name: path };
    if (spec !== undefined) {
      raw.set(path, outside(text, place, spec.kind));
      continue;
    }
    const meant = nearestKey(path);
    const message = `unknown key "${path}"${meant === undefined ? "" : `, did you mean "${meant}"?`}`;
    problems.push({ place, path, message, hint: undefined, frame: undefined });
  }
}

function located(
  raw: ReadonlyMap<string, RawValue>,
  path: string,
  inner: readonly PropertyKey[],
): { place: ConfigPlace; frame: string | undefined } {
  return raw.get(path)?.locate(inner) ?? { place: { kind: "default" }, frame: undefined };
}

function resolveValues(
  raw: ReadonlyMap<string, RawValue>,
  broken: ReadonlySet<string>,
  file: string | undefined,
  problems: ConfigProblem[],
): { values: Map<string, unknown>; origin: Map<string, ConfigPlace> } {
  const values = new Map<string, unknown>();
  const origin = new Map<string, ConfigPlace>();
  for (const spec of KEYS) {
    const given = raw.get(spec.path);
    // Already reported; a default in its place would only lead to problems that are none.
    if (given === undefined && broken.has(spec.path)) continue;
    if (given === undefined && spec.follows !== undefined && values.has(spec.follows)) {
      values.set(spec.path, values.get(spec.follows));
      origin.set(spec.path, { kind: "default" });
      continue;
    }
    const value = given === undefined ? standardValue(spec) : given.value;
    if (value === undefined) {
      problems.push(missing(spec, file));
      continue;
    }
    const parsed = parseValue(spec, value);
    if (parsed.success) {
      values.set(spec.path, parsed.data);
      origin.set(spec.path, given?.place ?? { kind: "default" });
      continue;
    }
    for (const issue of parsed.error.issues) {
      const inner = [spec.path, ...issue.path].join(".");
      const message = `${inner}: ${innermost(issue)}`;
      problems.push({
        ...located(raw, spec.path, issue.path),
        path: spec.path,
        message,
        hint: undefined,
      });
    }
  }
  return { values, origin };
}

function missing({ path, about }: KeySpec, file: string | undefined): ConfigProblem {
  const mend = `add "${path}: …" or set ${envName(path)}: ${about}`;
  if (file === undefined)
    return general(
      `the key "${path}" is missing, and no file was given`,
      `${mend}; -c FILE names a file`,
    );
  const place: ConfigPlace = { kind: "file", file, line: 1, column: 1 };
  return { ...general(`the key "${path}" is missing`, mend), place };
}

/** A record's bad key is reported as an issue within an issue. */
function innermost(issue: { readonly message: string; readonly issues?: unknown }): string {
  const inner: unknown = Array.isArray(issue.issues) ? issue.issues[0] : undefined;
  if (typeof inner !== "object" || inner === null || !("message" in inner)) return issue.message;
  return String(inner.message);
}

/** The configuration of a node with these values, which were found to be right one by one. */
function assemble(
  values: ReadonlyMap<string, unknown>,
  node: string,
  directory: string,
): NodeConfig {
  const written = KEYS.map(
    (spec): Leaf => [spec.path.split("."), writtenValue(spec, values.get(spec.path))],
  );
  const settings = SETTINGS.parse(treeOf(written));
  const listen = settings.listen === "" ? (settings.nodes[node] ?? "") : settings.listen;
  const address = parseAddress(listen);
  if (address === undefined) throw new TypeError(`"${listen}" is not host:port`);
  const data = resolve(directory, settings.data);
  return deepFreeze({ ...settings, data, node, listen, address });
}

type Leaf = readonly [path: readonly string[], value: unknown];

/** The sections, and the keys in them, as the file has them. */
function treeOf(leaves: readonly Leaf[]): Readonly<Record<string, unknown>> {
  const groups = Map.groupBy(leaves, ([[name = ""]]) => name);
  return Object.fromEntries(
    [...groups].map(([name, inside]) => {
      const key = inside.find(([path]) => path.length === 1);
      if (key !== undefined) return [name, key[1]];
      return [name, treeOf(inside.map(([path, value]) => [path.slice(1), value]))];
    }),
  );
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}
