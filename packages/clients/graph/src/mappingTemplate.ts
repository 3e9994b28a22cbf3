import { GraphError } from "./graphError.ts";
import { isGraphName } from "./templates.ts";

/**
 * What a template says of some records. A text that begins with `$` is a path into the record, any other one stands for itself.
 *
 *   - action: deploy.*                 which records: a whole action, or its beginning; absent: all
 *     nodes:
 *       run:     { label: Run,     key: [$seq],                   properties: { at: $recordedAt } }
 *       service: { label: Service, key: [$tenant, $data.service], properties: { name: $data.service } }
 *     edges:
 *       - { type: OF, from: run, to: service }
 *     changes: service                 whose history the record's changes are; absent: they are left out
 */
export interface MappingRule {
  readonly action: string | undefined;
  readonly nodes: ReadonlyMap<string, NodeRule>;
  readonly edges: readonly EdgeRule[];
  readonly changes: string | undefined;
}

export interface NodeRule {
  readonly label: string;
  readonly key: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
}

export interface EdgeRule {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties: Readonly<Record<string, string>>;
}

const RULES_MAX = 100;
const ITEMS_MAX = 100;

/** Reads a parsed YAML or JSON document. Untrusted: each fault is named with its place. */
export function parseMappingTemplate(document: unknown): readonly MappingRule[] {
  const rules = listOf(document, "the template", RULES_MAX);
  return rules.map((rule, index) => parseRule(rule, `[${index}]`));
}

function parseRule(value: unknown, at: string): MappingRule {
  const fields = mapOf(value, at, ["action", "nodes", "edges", "changes"]);
  const named = Object.entries(mapOf(fields["nodes"], `${at}.nodes`));
  if (named.length > ITEMS_MAX) throw fault(`${at}.nodes`, `at most ${ITEMS_MAX}`);
  const nodes = new Map(
    named.map(([name, node]) => [name, parseNode(node, `${at}.nodes.${name}`)] as const),
  );
  const known = (name: string, place: string): string => {
    if (nodes.has(name)) return name;
    throw fault(place, `${name} is none of its nodes: ${[...nodes.keys()].join(", ")}`);
  };
  const edges = listOf(fields["edges"] ?? [], `${at}.edges`, ITEMS_MAX).map((edge, index) => {
    const place = `${at}.edges[${index}]`;
    const { type, from, to, properties } = mapOf(edge, place, ["type", "from", "to", "properties"]);
    return {
      type: graphName(type, `${place}.type`),
      from: known(textOf(from, `${place}.from`), `${place}.from`),
      to: known(textOf(to, `${place}.to`), `${place}.to`),
      properties: propertiesOf(properties, place),
    };
  });
  const { action, changes } = fields;
  return {
    action: action === undefined ? undefined : textOf(action, `${at}.action`),
    nodes,
    edges,
    changes:
      changes === undefined ? undefined : known(textOf(changes, `${at}.changes`), `${at}.changes`),
  };
}

function parseNode(value: unknown, at: string): NodeRule {
  const { label, key, properties } = mapOf(value, at, ["label", "key", "properties"]);
  const parts = listOf(key, `${at}.key`, ITEMS_MAX).map((part) => textOf(part, `${at}.key`));
  if (parts.length === 0) throw fault(`${at}.key`, "at least one part");
  return {
    label: graphName(label, `${at}.label`),
    key: parts,
    properties: propertiesOf(properties, at),
  };
}

/** `key`, `seq` and `stub` are the sink's own. */
function propertiesOf(value: unknown, at: string): Readonly<Record<string, string>> {
  const entries = Object.entries(mapOf(value ?? {}, `${at}.properties`)).map(([name, source]) => {
    const place = `${at}.properties.${name}`;
    if (!isGraphName(name) || ["key", "seq", "stub"].includes(name)) {
      throw fault(place, "cannot be the name of a property");
    }
    return [name, textOf(source, place)] as const;
  });
  return Object.fromEntries(entries);
}

function graphName(value: unknown, at: string): string {
  const name = textOf(value, at);
  if (!isGraphName(name)) throw fault(at, `${name} cannot be a label or an edge type`);
  return name;
}

function textOf(value: unknown, at: string): string {
  if (typeof value !== "string" || value === "") throw fault(at, "expected text");
  return value;
}

function listOf(value: unknown, at: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw fault(at, "expected a list");
  if (value.length > max) throw fault(at, `at most ${max}`);
  return value;
}

function mapOf(
  value: unknown,
  at: string,
  known?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault(at, "expected a map");
  }
  const strange = Object.keys(value).find((key) => known !== undefined && !known.includes(key));
  if (strange !== undefined) throw fault(`${at}.${strange}`, `unknown; ${known?.join(", ")}`);
  return Object.fromEntries(Object.entries(value));
}

function fault(at: string, words: string): GraphError {
  const details = { path: at };
  return new GraphError("ERR_GRAPH_MAPPING", "settings", `mapping ${at}: ${words}`, { details });
}
