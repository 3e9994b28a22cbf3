/** One argument of a directive: `key`, `key=value` or `key=(value, value)`. */
export interface Argument {
  readonly key: string;
  /** Empty for a bare key. */
  readonly values: readonly string[];
}

/** One directive of a data-driven file: a command line, input lines, and the output that is expected. */
export interface Directive {
  /** Number of the command line, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  /** The lines between the command and the separator, without surrounding blanks. */
  readonly input: string;
  /** Ends with a newline unless empty. */
  readonly expected: string;
}

/** The file is not what this format allows, or a directive makes no sense. Says where. */
export class ScriptError extends Error {
  override readonly name: string = "ScriptError";
}

const SEPARATOR = "----";

/** The directives of a file in the format of cockroachdb/datadriven. */
export function parseFile(text: string): readonly Directive[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const reader = new Reader(lines);
  const directives: Directive[] = [];
  for (let directive = reader.next(); directive !== undefined; directive = reader.next()) {
    directives.push(directive);
  }
  return directives;
}

/** Splits a command line into the command and its arguments. Blanks separate, except within parentheses. */
function parseLine(line: string): { command: string; args: readonly Argument[] } {
  const [command, ...words] = splitWords(line);
  if (command === undefined) throw new ScriptError("empty command line");
  return { command, args: words.map(parseArgument) };
}

class Reader {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  next(): Directive | undefined {
    for (let line = this.#take(); line !== undefined; line = this.#take()) {
      const number = this.#at;
      let commandLine = line.trim();
      if (commandLine === "" || commandLine.startsWith("#")) continue;
      while (commandLine.endsWith("\\")) {
        const more = this.#take();
        if (more === undefined) break;
        commandLine = `${commandLine.slice(0, -1)} ${more.trim()}`;
      }
      const { command, args } = parseLine(commandLine.trim());
      return { line: number, command, args, input: this.#input(), expected: this.#expected() };
    }
    return undefined;
  }

  #take(): string | undefined {
    const line = this.#lines[this.#at];
    if (line !== undefined) this.#at += 1;
    return line;
  }

  #input(): string {
    const from = this.#at;
    for (let line = this.#take(); line !== undefined; line = this.#take()) {
      if (line === SEPARATOR)
        return this.#lines
          .slice(from, this.#at - 1)
          .join("\n")
          .trim();
    }
    throw new ScriptError(`line ${from}: no line of ${SEPARATOR} follows`);
  }

  #expected(): string {
    if (this.#lines[this.#at] === SEPARATOR) {
      this.#at += 1;
      return this.#expectedWithBlankLines();
    }
    let expected = "";
    for (let line = this.#take(); line !== undefined && line.trim() !== ""; line = this.#take()) {
      expected += `${line}\n`;
    }
    return expected;
  }

  /** Two separators in a row end what two separators in a row began. */
  #expectedWithBlankLines(): string {
    const from = this.#at;
    let expected = "";
    for (let line = this.#take(); line !== undefined; line = this.#take()) {
      if (line === SEPARATOR && this.#lines[this.#at] === SEPARATOR) {
        this.#at += 1;
        const after = this.#take();
        if (after !== undefined && after !== "") {
          throw new ScriptError(`line ${this.#at}: no blank line after the closing separators`);
        }
        return expected;
      }
      expected += `${line}\n`;
    }
    throw new ScriptError(`line ${from}: the expected output is not closed`);
  }
}

function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let depth = 0;
  for (const char of line) {
    if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    if (depth === 0 && (char === " " || char === "\t")) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      word += char;
    }
  }
  if (depth !== 0) throw new ScriptError(`parentheses do not match: ${line}`);
  if (word !== "") words.push(word);
  return words;
}

function parseArgument(word: string): Argument {
  const equals = word.indexOf("=");
  if (equals < 0) return { key: word, values: [] };
  const key = word.slice(0, equals);
  const value = word.slice(equals + 1);
  if (!value.startsWith("(") || !value.endsWith(")")) return { key, values: [value] };
  return { key, values: splitValues(value.slice(1, -1)) };
}

/** Splits at commas, except within nested parentheses; blanks after a comma are dropped. */
function splitValues(list: string): readonly string[] {
  if (list.trim() === "") return [];
  const values: string[] = [];
  let value = "";
  let depth = 0;
  for (const char of list) {
    if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    if (char === "," && depth === 0) {
      values.push(value.trim());
      value = "";
    } else {
      value += char;
    }
  }
  values.push(value.trim());
  return values;
}
