import { createHash } from "node:crypto";
import { FITTED_KEYS, FITTED_TO_FILES } from "./fitDefaults.ts";
import { envName } from "./envName.ts";
import { KEYS, findKey, standardValue } from "./keys/keys.ts";
import type { KeySpec } from "./keys/keySpec.ts";
import type { ConfigOrigin } from "./load.ts";
import type { NodeConfig } from "./keys/nodeConfig.ts";
import { formatPlace } from "./problem.ts";
import { nearestKey } from "./yaml/source.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** The resolved value of a key. */
export function configValue(config: NodeConfig, path: string): unknown {
  let value: unknown = config;
  for (const part of path.split(".")) {
    value =
      typeof value === "object" && value !== null
        ? (value as Record<string, unknown>)[part]
        : undefined;
  }
  return value;
}

/** A hash over everything that must be the same on every node; nodes compare it when they connect. 32 hex digits. */
export function fingerprint(config: NodeConfig): string {
  const shared = KEYS.filter((spec) => spec.scope === "cluster")
    .map((spec) => [spec.path, canonical(configValue(config, spec.path))])
    .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(shared)).digest("hex").slice(0, 32);
}

function canonical(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** A resolved value as it would be written in the file. */
function formatValue(spec: KeySpec, value: unknown): string {
  if (typeof value === "number" && spec.kind === "bytes") return formatBytes(value);
  if (typeof value === "number" && spec.kind === "duration") return formatDuration(value);
  if (spec.kind === "nodes" && typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([id, address]) => `${id}: "${String(address)}"`);
    return `{ ${pairs.join(", ")} }`;
  }
  if (Array.isArray(value)) return `[${value.join(", ")}]`;
  return typeof value === "string" ? quoted(value) : String(value);
}

/** A text as YAML that reads back as the same text. */
function quoted(text: string): string {
  const plain = /^[A-Za-z/.][A-Za-z0-9/._-]*$/.test(text) && !/^(true|false|null)$/i.test(text);
  return plain ? text : JSON.stringify(text.replaceAll("$", "$$$$"));
}

const UNITS: ReadonlySet<KeySpec["kind"]> = new Set(["bytes", "duration"]);

/** The default as documents show it. */
export function formatDefault(spec: KeySpec): string {
  if (spec.standardText !== undefined) return spec.standardText;
  const value = standardValue(spec);
  if (value === undefined) return "(required)";
  // Sizes and durations stand in the table as they would in the file.
  const text = typeof value === "string" && UNITS.has(spec.kind) ? value : formatValue(spec, value);
  if (FITTED_KEYS.has(spec.path)) return `${text}, less where memory.limit is small`;
  return FITTED_TO_FILES.has(spec.path) ? `${text}, less where few files may be open` : text;
}

/** The greatest legal value of a number, as it would be written; undefined for a key that is none. */
export function formatGreatest(spec: KeySpec): string | undefined {
  return spec.greatest === undefined ? undefined : formatValue(spec, spec.greatest);
}

/** The whole configuration as YAML that can be loaded again; with `origin`, each value says where it came from. */
export function showConfig(config: NodeConfig, origin?: ConfigOrigin): string {
  const lines: string[] = [`# node ${config.node}, fingerprint ${fingerprint(config)}`];
  let open: readonly string[] = [];
  for (const spec of KEYS) {
    const parts = spec.path.split(".");
    const sections = parts.slice(0, -1);
    for (const [depth, section] of sections.entries()) {
      if (sections.slice(0, depth + 1).join(".") === open.slice(0, depth + 1).join(".")) continue;
      lines.push(`${"  ".repeat(depth)}${section}:`);
    }
    open = sections;
    const indent = "  ".repeat(sections.length);
    const line = `${indent}${parts.at(-1) ?? ""}: ${formatValue(spec, configValue(config, spec.path))}`;
    const place = origin?.get(spec.path);
    lines.push(place === undefined ? line : `${line.padEnd(48)} # ${describePlace(place)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Every key with its value, as it would be written in the file, and where that came from. */
export function listConfig(
  config: NodeConfig,
  origin: ConfigOrigin,
): readonly { readonly key: string; readonly value: string; readonly origin: string }[] {
  return KEYS.map((spec) => {
    const place = origin.get(spec.path);
    return {
      key: spec.path,
      value: formatValue(spec, configValue(config, spec.path)),
      origin: place === undefined ? "default" : describePlace(place),
    };
  });
}

/** Keys whose default was lowered to fit `memory.limit`, with their values as they would be written in the file. */
export function fittedDefaults(
  config: NodeConfig,
  origin: ConfigOrigin,
): readonly { readonly key: string; readonly value: string }[] {
  return KEYS.filter(({ path }) => origin.get(path)?.kind === "fitted").map((spec) => ({
    key: spec.path,
    value: formatValue(spec, configValue(config, spec.path)),
  }));
}

function describePlace(place: Parameters<typeof formatPlace>[0]): string {
  return place.kind === "default" ? "default" : formatPlace(place);
}

export type Explanation =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

/** What a key, or every key of a section, means. */
export function explainKey(path: string): Explanation {
  const spec = findKey(path);
  if (spec !== undefined) return { ok: true, text: explain(spec) };
  const inside = KEYS.filter((other) => other.path.startsWith(`${path}.`));
  if (inside.length > 0) return { ok: true, text: inside.map(explain).join("\n\n") };
  const meant = nearestKey(path);
  return {
    ok: false,
    message: `unknown key "${path}"${meant === undefined ? "" : `, did you mean "${meant}"?`}`,
  };
}

function explain(spec: KeySpec): string {
  const lines = [
    spec.path,
    `  ${spec.about}`,
    `  default      ${formatDefault(spec)}`,
    `  environment  ${envName(spec.path)}`,
    `  cluster      ${spec.scope === "cluster" ? "must be the same on every node" : "may differ per node"}`,
  ];
  const greatest = formatGreatest(spec);
  if (greatest !== undefined) lines.push(`  greatest     ${greatest}`);
  if (spec.tooLow !== undefined) lines.push(`  too low      ${spec.tooLow}`);
  if (spec.tooHigh !== undefined) lines.push(`  too high     ${spec.tooHigh}`);
  return lines.join("\n");
}
