import { yamlHint, yamlMessage } from "@annals/config";
import type { Interpolated } from "@annals/config";
import { LineCounter, Scalar, isMap, isNode, isScalar, parseDocument, visit } from "yaml";
import type { Document, YAMLError } from "yaml";
import { ScenarioError } from "./problem.ts";
import type { ScenarioProblem } from "./problem.ts";

const CHARACTERS_MAX = 1 << 20;
const TEXT_MAX = 100;

type Path = readonly PropertyKey[];

function inWords(error: YAMLError): string {
  const hint = yamlHint(error);
  return hint === undefined ? yamlMessage(error) : `${yamlMessage(error)}; ${hint}`;
}

/** What a text without quotes means in YAML, as far as it may be a setting. */
function plainValue(text: string): string | number | boolean {
  if (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text);
  return text === "true" ? true : text === "false" ? false : text;
}

/** The YAML of a scenario, with the place of every value. */
export class ScenarioSource {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #text: string;

  constructor(text: string, file: string) {
    this.#file = file;
    this.#text = text;
    if (text.length > CHARACTERS_MAX)
      throw new ScenarioError([this.#problem(0, `more than ${CHARACTERS_MAX} characters`)]);
    this.#document = parseDocument(this.#text, {
      version: "1.2",
      lineCounter: this.#lines,
      prettyErrors: false,
      // Below it, a second document would be passed over without a word.
      logLevel: "error",
    });
  }

  /** What is wrong with it as YAML. */
  syntaxProblems(): readonly ScenarioProblem[] {
    const { errors, warnings } = this.#document;
    return [...errors, ...warnings].map((error) => this.#problem(error.pos[0], inWords(error)));
  }

  /** Replaces what `replace` finds in every value, never in keys, and tells what it refuses. Nothing that it brings adds structure. */
  substitute(replace: (text: string) => Interpolated): readonly ScenarioProblem[] {
    const problems: ScenarioProblem[] = [];
    visit(this.#document, {
      Scalar: (key, node) => {
        if (key === "key" || typeof node.value !== "string") return;
        const found = replace(node.value);
        if (!found.ok) problems.push(this.#problem(node.range?.[0] ?? 0, found.message));
        else if (found.changed)
          node.value = node.type === Scalar.PLAIN ? plainValue(found.text) : found.text;
      },
    });
    return problems;
  }

  /** Plain data. Throws a `ScenarioError` when aliases would grow without end. */
  value(): unknown {
    try {
      return this.#document.toJS();
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      throw new ScenarioError([this.#problem(0, error.message)]);
    }
  }

  /** A problem with the value at a path, or with the innermost part of the path that there is. */
  problem(path: Path, message: string): ScenarioProblem {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return this.#problem(node.range[0], message);
    }
    return this.#problem(0, message);
  }

  /** A problem with a key in the map at a path. */
  keyProblem(path: Path, key: string, message: string): ScenarioProblem {
    const map: unknown =
      path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    if (isMap(map)) {
      const pair = map.items.find((one) => isScalar(one.key) && one.key.value === key);
      if (pair !== undefined && isScalar(pair.key) && pair.key.range)
        return this.#problem(pair.key.range[0], message);
    }
    return this.problem(path, message);
  }

  /** Whether anything was written at a path. */
  has(path: Path): boolean {
    return this.#document.hasIn(path);
  }

  /** What was written at a path, on one line. */
  text(path: Path): string {
    const node: unknown = this.#document.getIn(path, true);
    if (!isNode(node) || !node.range) return "";
    const written = this.#text
      .slice(node.range[0], node.range[1])
      .replace(/\s+#.*$/gm, "")
      .replace(/\s+/g, " ")
      .trim()
      .replace(/^\{ ?(.*?) ?\}$/, "$1");
    return written.length > TEXT_MAX ? `${written.slice(0, TEXT_MAX - 1)}…` : written;
  }

  #problem(offset: number, message: string): ScenarioProblem {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col), message };
  }
}
