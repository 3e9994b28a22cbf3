import { LineCounter, isNode, parseDocument } from "yaml";
import type { Document } from "yaml";
import { yamlHint, yamlMessage } from "./yamlProblem.ts";

/** Longer texts are not parsed. */
export const YAML_CHARACTERS_MAX = 1 << 20;

/** A violation of YAML itself. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint: string | undefined;
}

/**
 * One document of YAML 1.2, and the line and column of everything in it. It is empty if the text
 * is longer than `YAML_CHARACTERS_MAX`.
 */
export class YamlText {
  readonly text: string;
  readonly isTooLong: boolean;
  /** The parsed document. To change its scalars moves no place. */
  readonly document: Document;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    this.text = text;
    this.isTooLong = text.length > YAML_CHARACTERS_MAX;
    this.document = parseDocument(this.isTooLong ? "" : text, {
      version: "1.2",
      lineCounter: this.#lines,
      prettyErrors: false,
      // Below it, a second document would be passed over without a word.
      logLevel: "error",
    });
  }

  syntaxProblems(): readonly SyntaxProblem[] {
    return [...this.document.errors, ...this.document.warnings].map((error) => ({
      offset: error.pos[0],
      message: yamlMessage(error),
      hint: yamlHint(error),
    }));
  }

  /** Line and column of an offset, from 1 on. */
  place(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** The offset at which a node begins; undefined if it was not written. */
export function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
