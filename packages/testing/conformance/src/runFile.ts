import { ConfchangeEnvironment } from "./confchange.ts";
import { type Directive, parseFile, ScriptError } from "./dataDriven.ts";
import { InteractionEnvironment } from "./interaction.ts";
import { QuorumEnvironment } from "./quorum.ts";

/** Runs the directives of one file, in order, in an environment of its own. */
interface Runner {
  run(directive: Directive): string;
}

const RUNNERS: Readonly<Record<Kind, () => Runner>> = {
  interaction: () => new InteractionEnvironment(),
  confchange: () => new ConfchangeEnvironment(),
  quorum: () => new QuorumEnvironment(),
};

/** What a file is about; told by the name of the folder that it is in. */
export type Kind = "interaction" | "confchange" | "quorum";

export const KINDS: readonly Kind[] = ["interaction", "confchange", "quorum"];

export interface RunOptions {
  /** Compares only what the harness prints, not what the nodes would have logged. */
  readonly ignoreLogLines: boolean;
}

/** The first directive whose output is not what the file says. */
export interface Difference {
  readonly line: number;
  readonly command: string;
  readonly expected: string;
  readonly actual: string;
}

/** What a file's outputs are where it was run to the end; the expected ones replaced by the actual ones. */
export interface FileResult {
  readonly directives: number;
  readonly difference: Difference | undefined;
}

/** Compares a file with what happens, up to the first difference. */
export function runFile(kind: Kind, text: string, options: RunOptions): FileResult {
  const directives = parseFile(text);
  const runner = RUNNERS[kind]();
  for (const [done, directive] of directives.entries()) {
    const actual = outputOf(runner, directive);
    if (normalize(actual, options) !== normalize(directive.expected, options)) {
      const { line, command, expected } = directive;
      return { directives: done, difference: { line, command, expected, actual } };
    }
  }
  return { directives: directives.length, difference: undefined };
}

/** Runs a file and returns it with what happens in the place of what was expected: for transcripts of our own. */
export function rewriteFile(kind: Kind, text: string): string {
  const lines = text.split("\n");
  const runner = RUNNERS[kind]();
  let rewritten = "";
  let copied = 0;
  for (const directive of parseFile(text)) {
    const separator = lines.indexOf("----", directive.line);
    rewritten += `${lines.slice(copied, separator + 1).join("\n")}\n`;
    const actual = outputOf(runner, directive);
    const hasBlankLine = /^\s*$/m.test(actual.slice(0, -1));
    rewritten += hasBlankLine ? `----\n${actual}----\n----\n` : actual;
    const wide = lines[separator + 1] === "----";
    let end = separator + (wide ? 2 : 1);
    const closes = (at: number): boolean =>
      wide ? lines[at] === "----" && lines[at + 1] === "----" : (lines[at] ?? "").trim() === "";
    while (end < lines.length && !closes(end)) end += 1;
    copied = wide ? end + 2 : end;
  }
  return rewritten + lines.slice(copied).join("\n");
}

/** An output ends with a newline, as expected ones in files do. */
function outputOf(runner: Runner, directive: Directive): string {
  try {
    const output = runner.run(directive);
    return output.endsWith("\n") ? output : `${output}\n`;
  } catch (error) {
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (error instanceof ScriptError) {
      throw new ScriptError(`line ${directive.line}, ${directive.command}: ${error.message}`);
    }
    const stack = error instanceof Error ? `\n${error.stack ?? ""}` : "";
    return `the harness stopped: ${what}${stack}\n`;
  }
}

function normalize(output: string, { ignoreLogLines }: RunOptions): string {
  if (!ignoreLogLines) return output;
  const kept = output
    .split("\n")
    .filter((line) => !/^\s*(?:DEBUG|INFO|WARN|ERROR|FATAL) /.test(line))
    .join("\n");
  return kept === "ok\n" ? "" : kept;
}
