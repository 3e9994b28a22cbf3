import { YAML_CHARACTERS_MAX, YamlText, offsetOf } from "@annals/config";
import type { Interpolated } from "@annals/config";
import { Scalar, isMap, isNode, isScalar, visit } from "yaml";
import { ScenarioError } from "./problem.ts";
import type { ScenarioProblem } from "./problem.ts";

const TEXT_MAX = 100;

type Path = readonly PropertyKey[];

/** What a text without quotes means in YAML, as far as it may be a setting. */
function plainValue(text: string): string | number | boolean {
  if (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text);
  return text === "true" ? true : text === "false" ? false : text;
}

/** The YAML of a scenario, with the place of every value. */
export class ScenarioSource {
  readonly #file: string;
  readonly #yaml: YamlText;

  constructor(text: string, file: string) {
    this.#file = file;
    this.#yaml = new YamlText(text);
    if (this.#yaml.isTooLong)
      throw new ScenarioError([this.#problem(0, `more than ${YAML_CHARACTERS_MAX} characters`)]);
  }

  /** What is wrong with it as YAML. */
  syntaxProblems(): readonly ScenarioProblem[] {
    return this.#yaml
      .syntaxProblems()
      .map(({ offset, message, hint }) =>
        this.#problem(offset, hint === undefined ? message : `${message}; ${hint}`),
      );
  }

  /** Replaces what `replace` finds in every value, never in keys, and tells what it refuses. Nothing that it brings adds structure. */
  substitute(replace: (text: string) => Interpolated): readonly ScenarioProblem[] {
    const problems: ScenarioProblem[] = [];
    visit(this.#yaml.document, {
      Scalar: (key, node) => {
        if (key === "key" || typeof node.value !== "string") return;
        const found = replace(node.value);
        if (!found.ok) problems.push(this.#problem(offsetOf(node) ?? 0, found.message));
        else if (found.changed)
          node.value = node.type === Scalar.PLAIN ? plainValue(found.text) : found.text;
      },
    });
    return problems;
  }

  /** Plain data. Throws a `ScenarioError` when aliases would grow without end. */
  value(): unknown {
    try {
      return this.#yaml.document.toJS();
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      throw new ScenarioError([this.#problem(0, error.message)]);
    }
  }

  /** A problem with the value at a path, or with the innermost part of the path that there is. */
  problem(path: Path, message: string): ScenarioProblem {
    for (let length = path.length; length > 0; length--) {
      const offset = offsetOf(this.#yaml.document.getIn(path.slice(0, length), true));
      if (offset !== undefined) return this.#problem(offset, message);
    }
    return this.#problem(0, message);
  }

  /** A problem with a key in the map at a path. */
  keyProblem(path: Path, key: string, message: string): ScenarioProblem {
    const map: unknown =
      path.length === 0 ? this.#yaml.document.contents : this.#yaml.document.getIn(path, true);
    if (isMap(map)) {
      const pair = map.items.find((one) => isScalar(one.key) && one.key.value === key);
      const offset = offsetOf(pair?.key);
      if (offset !== undefined) return this.#problem(offset, message);
    }
    return this.problem(path, message);
  }

  /** Whether anything was written at a path. */
  has(path: Path): boolean {
    return this.#yaml.document.hasIn(path);
  }

  /** What was written at a path, on one line. */
  text(path: Path): string {
    const node: unknown = this.#yaml.document.getIn(path, true);
    if (!isNode(node) || !node.range) return "";
    const written = this.#yaml.text
      .slice(node.range[0], node.range[1])
      .replace(/\s+#.*$/gm, "")
      .replace(/\s+/g, " ")
      .trim()
      .replace(/^\{ ?(.*?) ?\}$/, "$1");
    return written.length > TEXT_MAX ? `${written.slice(0, TEXT_MAX - 1)}…` : written;
  }

  #problem(offset: number, message: string): ScenarioProblem {
    return { file: this.#file, ...this.#yaml.place(offset), message };
  }
}
