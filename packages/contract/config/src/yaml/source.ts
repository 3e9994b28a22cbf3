import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Pair } from "yaml";
import { assertNever } from "../assertNever.ts";
import { nearest } from "../nearest.ts";
import { interpolate } from "./interpolate.ts";
import type { InterpolationSources } from "./interpolate.ts";
import { KEYS, SECTIONS, findKey } from "../keys/keys.ts";
import type { KeyKind, KeySpec } from "../keys/keySpec.ts";
import { codeFrame } from "../problem.ts";
import type { ConfigPlace, ConfigProblem } from "../problem.ts";
import { YAML_CHARACTERS_MAX, YamlText, offsetOf } from "./yamlText.ts";

/** A value as somebody wrote it, in YAML form, with its place. */
export interface RawValue {
  readonly value: unknown;
  readonly place: ConfigPlace;
  /** The place of a part of the value, such as one node of `nodes`, with its frame. */
  readonly locate: (inner: readonly PropertyKey[]) => Located;
}

interface Located {
  readonly place: ConfigPlace;
  readonly frame: string | undefined;
}

export interface SourceFile {
  /** By dotted path of the key; only keys that are known. */
  readonly values: ReadonlyMap<string, RawValue>;
  readonly problems: readonly ConfigProblem[];
}

/** Aliases are expanded up to so many nodes: a few lines of them could otherwise grow without end. */
const NODES_READ_MAX = 10_000;

/** Reads the text of a configuration file into the values of known keys; everything else in it is a problem. */
export function readSource(
  text: string,
  file: string,
  interpolation: InterpolationSources,
): SourceFile {
  return new SourceReader(text, file, interpolation).read();
}

/** What a text from the environment, a flag or an interpolation means for a key of that kind; as it is, if it means nothing. */
export function coerceText(kind: KeyKind, text: string): unknown {
  switch (kind) {
    case "count":
      return /^\d{1,15}$/.test(text) ? Number(text) : text;
    case "switch":
      return text === "true" ? true : text === "false" ? false : text;
    case "names":
      return text.split(",").map((name) => name.trim());
    case "nodes":
      return coerceNodes(text);
    case "bytes":
    case "duration":
    case "path":
    case "address":
    case "name":
    case "level":
    case "compression":
      return text;
    default:
      return assertNever(kind);
  }
}

/** `a=host:port,b=host:port` */
function coerceNodes(text: string): unknown {
  const entries = text.split(",").map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? undefined : ([part.slice(0, at).trim(), part.slice(at + 1).trim()] as const);
  });
  return entries.some((entry) => entry === undefined)
    ? text
    : Object.fromEntries(entries.flatMap((entry) => (entry === undefined ? [] : [entry])));
}

class SourceReader {
  readonly #yaml: YamlText;
  readonly #file: string;
  readonly #interpolation: InterpolationSources;
  readonly #values = new Map<string, RawValue>();
  readonly #problems: ConfigProblem[] = [];
  #nodesLeft = NODES_READ_MAX;

  constructor(text: string, file: string, interpolation: InterpolationSources) {
    this.#yaml = new YamlText(text);
    this.#file = file;
    this.#interpolation = interpolation;
  }

  read(): SourceFile {
    if (this.#yaml.isTooLong)
      this.#report(0, undefined, `the file is larger than ${YAML_CHARACTERS_MAX} characters`);
    for (const { offset, message, hint } of this.#yaml.syntaxProblems())
      this.#report(offset, undefined, message, this.#syntaxHint(offset) ?? hint);
    const root: unknown = this.#yaml.document.contents;
    if (isMap(root)) this.#section(root.items, "");
    else if (root !== null && !(isScalar(root) && root.value === null)) {
      const found = isSeq(root) ? "a list" : "a single value";
      const hint = "its first line is a key at the left edge, such as data: /var/lib/annals";
      this.#report(0, undefined, `the file is ${found}, not a mapping of keys to values`, hint);
    }
    return { values: this.#values, problems: this.#problems };
  }

  /** `{ key: ${NAME} }` is the one mistake that YAML itself reports in a misleading way. */
  #syntaxHint(offset: number): string | undefined {
    const { text } = this.#yaml;
    const start = text.lastIndexOf("\n", offset - 1) + 1;
    const end = text.indexOf("\n", offset);
    const line = text.slice(start, end < 0 ? undefined : end);
    return /\{.*\$\{/.test(line)
      ? 'inside { } a ${NAME} needs quotes: { key: "${NAME}" }'
      : undefined;
  }

  #section(items: readonly Pair[], prefix: string): void {
    for (const pair of items) {
      const keyOffset = offsetOf(pair.key) ?? 0;
      const name = isScalar(pair.key) ? String(pair.key.value) : "";
      const path = prefix === "" ? name : `${prefix}.${name}`;
      const spec = findKey(path);
      if (spec !== undefined) this.#key(spec, pair, keyOffset);
      else if (SECTIONS.has(path)) this.#subsection(path, pair, keyOffset);
      else if (!(prefix === "" && name.startsWith("x-"))) this.#unknown(path, keyOffset);
    }
  }

  #subsection(path: string, pair: Pair, keyOffset: number): void {
    const node = this.#resolve(pair.value, path);
    if (node === undefined) return;
    if (isMap(node)) {
      this.#section(node.items, path);
      return;
    }
    // An empty section is what is left when all its lines are commented out.
    if (node === null || (isScalar(node) && node.value === null)) return;
    this.#report(
      offsetOf(pair.value) ?? keyOffset,
      path,
      `${path} is a section of keys, not a value`,
      `its keys are ${childNames(path).join(", ")}`,
    );
  }

  #unknown(path: string, offset: number): void {
    if (path === "<<" || path.endsWith(".<<")) {
      const what = "merge keys (<<) are not part of YAML 1.2, and are not taken";
      this.#report(offset, path, what, "repeat the keys, or write a whole section as *alias");
      return;
    }
    const candidate = nearestKey(path);
    this.#report(
      offset,
      path,
      `unknown key "${path}"${candidate === undefined ? "" : `, did you mean "${candidate}"?`}`,
    );
  }

  #key(spec: KeySpec, pair: Pair, keyOffset: number): void {
    const offsets = new Map<string, number>();
    const problemsBefore = this.#problems.length;
    const valueOffset = offsetOf(pair.value) ?? keyOffset;
    const value = this.#plain(pair.value, spec, [], offsets);
    if (this.#problems.length > problemsBefore) return;
    const offset = value === null ? keyOffset : valueOffset;
    this.#values.set(spec.path, {
      value,
      place: this.#place(offset),
      locate: (inner) => {
        const at = offsets.get(inner.join(".")) ?? offset;
        return { place: this.#place(at), frame: this.#frame(at) };
      },
    });
  }

  /** Turns a node into plain data with `${…}` replaced, and notes where its parts are. */
  #plain(
    input: unknown,
    spec: KeySpec,
    inner: readonly string[],
    offsets: Map<string, number>,
  ): unknown {
    const offset = offsetOf(input);
    if (offset !== undefined) offsets.set(inner.join("."), offset);
    const node = this.#resolve(input, spec.path);
    if (--this.#nodesLeft < 0) {
      if (this.#nodesLeft === -1) {
        this.#report(offset ?? 0, spec.path, `more than ${NODES_READ_MAX} values in the file`);
      }
      return undefined;
    }
    if (isScalar(node)) return this.#scalar(node.value, spec, inner, offset ?? 0);
    if (isSeq(node)) {
      return node.items.map((item, index) =>
        this.#plain(item, spec, [...inner, String(index)], offsets),
      );
    }
    if (isMap(node)) {
      return Object.fromEntries(
        node.items.map((pair) => {
          const name = isScalar(pair.key) ? String(pair.key.value) : "";
          return [name, this.#plain(pair.value, spec, [...inner, name], offsets)];
        }),
      );
    }
    return null;
  }

  #scalar(value: unknown, spec: KeySpec, inner: readonly string[], offset: number): unknown {
    if (typeof value !== "string") return value;
    const result = interpolate(value, this.#interpolation);
    if (!result.ok) {
      this.#report(offset, spec.path, result.message);
      return undefined;
    }
    return result.changed && inner.length === 0 ? coerceText(spec.kind, result.text) : result.text;
  }

  /** What an alias stands for; reports one that has no anchor, and is undefined then. */
  #resolve(node: unknown, path: string): unknown {
    if (!isAlias(node)) return node;
    const target = node.resolve(this.#yaml.document);
    if (target === undefined) {
      const what = `there is no anchor &${node.source} before this alias`;
      this.#report(node.range?.[0] ?? 0, path, what, "anchors go under a key that begins with x-");
    }
    return target;
  }

  #place(offset: number): ConfigPlace {
    return { kind: "file", file: this.#file, ...this.#yaml.place(offset) };
  }

  #frame(offset: number): string {
    const { line, column } = this.#yaml.place(offset);
    return codeFrame(this.#yaml.text, line, column);
  }

  #report(offset: number, path: string | undefined, message: string, hint?: string): void {
    const place = this.#place(offset);
    this.#problems.push({ place, path, message, hint, frame: this.#frame(offset) });
  }
}

function childNames(section: string): string[] {
  const names = KEYS.filter((spec) => spec.path.startsWith(`${section}.`)).map(
    (spec) => spec.path.slice(section.length + 1).split(".")[0] ?? "",
  );
  return [...new Set(names)];
}

/** The key that was meant: a sibling with a similar name, else the same name in another section, else whatever is similar. */
export function nearestKey(path: string): string | undefined {
  const parts = path.split(".");
  const name = parts.at(-1) ?? "";
  const section = parts.slice(0, -1).join(".");
  const known = [...KEYS.map((spec) => spec.path), ...SECTIONS];
  const siblings = known.filter(
    (other) => other.slice(0, Math.max(0, other.lastIndexOf("."))) === section,
  );
  const sibling = nearest(
    name,
    siblings.map((other) => other.slice(other.lastIndexOf(".") + 1)),
  );
  if (sibling !== undefined) return section === "" ? sibling : `${section}.${sibling}`;
  const namesake = known.find((other) => other.endsWith(`.${name}`));
  return namesake ?? nearest(path, known);
}
