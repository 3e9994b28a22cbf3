import type { Command, Option } from "commander";
import { usageError } from "./cliError.ts";
import type { CliContext } from "./context.ts";
import { OUTPUT_FORMATS } from "./output.ts";

/** A command with what can follow it. */
interface Node {
  /** Words up to it, such as `cluster health`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly string[];
  readonly options: readonly Option[];
}

/** What an option takes: nothing, one of some words, a file, or something that only the user knows. */
type Takes = "nothing" | "file" | "text" | readonly string[];

/** By the placeholder of the option; a placeholder has the same meaning everywhere. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  "--output": OUTPUT_FORMATS,
  "--consistency": ["linearizable", "local"],
  "--outcome": ["success", "failure", "denied", "unknown"],
};

export function registerCompletion(program: Command, context: CliContext): void {
  program
    .command("completion")
    .description("print a completion script for a shell: bash, zsh or fish")
    .argument("<shell>")
    .addHelpText(
      "before",
      "Examples:\n  source <(annals completion bash)\n  source <(annals completion zsh)\n" +
        "  annals completion fish > ~/.config/fish/completions/annals.fish\n",
    )
    .action((shell: string) => {
      const nodes = walk(program, "");
      if (shell === "bash") return context.print(bashScript(nodes));
      if (shell === "zsh") return context.print(zshScript(nodes));
      if (shell === "fish") return context.print(fishScript(nodes));
      throw usageError(`completion ${shell}: expected bash, zsh or fish`);
    });
}

function walk(command: Command, path: string): readonly Node[] {
  const visible = command.createHelp().visibleCommands(command);
  const children = visible.filter((child) => child.name() !== "help");
  const options = command.options.filter((option) => !option.hidden);
  const inner = children.flatMap((child) =>
    walk(child, path === "" ? child.name() : `${path} ${child.name()}`),
  );
  return [{ path, commands: children.map((child) => child.name()), options }, ...inner];
}

function takes(option: Option): Takes {
  if (!option.required && !option.optional) return "nothing";
  return WORDS[option.long ?? ""] ?? (/<(?:file|directory)>/.test(option.flags) ? "file" : "text");
}

function flagsOf({ short, long }: Option): readonly string[] {
  return [short, long].flatMap((flag) => flag ?? []);
}

function wordsOf({ commands, options }: Node): string {
  return [...commands, ...options.flatMap(({ long }) => long ?? []), "--help"].join(" ");
}

/** The options of a command that take something, as branches of a `case` over the word before. */
function valueCases({ options }: Node): readonly string[] {
  return options.flatMap((option) => {
    const what = takes(option);
    if (what === "nothing") return [];
    const reply = typeof what === "string" ? `kind=${what}` : `offered="${what.join(" ")}"`;
    return [`        ${flagsOf(option).join("|")}) ${reply} ;;`];
  });
}

/**
 * What bash and zsh have in common: from `before`, the words before the one that is completed, it finds `kind` (words, file or text) and
 * the words that are `offered`.
 */
function choice(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const values = valueCases(node);
    const inner =
      values.length === 0 ? "" : `case "$last" in\n${values.join("\n")}\n      esac\n      `;
    return `    "${node.path}")\n      offered="${wordsOf(node)}"\n      ${inner};;`;
  });
  return `  local kind=words offered="" at="" word candidate known last=""
  local -a commands
  commands=(${nodes.map(({ path }) => `"${path}"`).join(" ")})
  for word in "\${before[@]}"; do
    candidate="\${at:+$at }$word"
    for known in "\${commands[@]}"; do [[ "$known" == "$candidate" ]] && at="$candidate"; done
    last="$word"
  done
  case "$at" in
${cases.join("\n")}
  esac
`;
}

function bashScript(nodes: readonly Node[]): string {
  return `_annals() {
  local -a before
  before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  local current="\${COMP_WORDS[COMP_CWORD]}"
${choice(nodes)}  COMPREPLY=()
  [[ "$kind" == words ]] && COMPREPLY=($(compgen -W "$offered" -- "$current"))
  if [[ "$kind" == file || ("$kind" == words && \${#COMPREPLY[@]} -eq 0 && "$last" != -*) ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _annals annals
`;
}

function zshScript(nodes: readonly Node[]): string {
  return `#compdef annals
_annals() {
  local -a before
  before=("\${(@)words[2,CURRENT-1]}")
${choice(nodes)}  case "$kind" in
    file) _files ;;
    words) compadd -- \${=offered} || _files ;;
  esac
}
if [[ "$funcstack[1]" == _annals ]]; then _annals "$@"; else compdef _annals annals; fi
`;
}

function fishScript(nodes: readonly Node[]): string {
  return nodes.flatMap(fishLines).join("\n").concat("\n");
}

function fishLines({ path, commands, options }: Node): readonly string[] {
  const parts = path === "" ? [] : path.split(" ");
  const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`).join("; and ");
  const condition = parts.length === 0 ? "__fish_use_subcommand" : seen;
  const line = (rest: string): string => `complete -c annals -n '${condition}' ${rest}`;
  const offers = commands.length === 0 ? [] : [line(`-f -a '${commands.join(" ")}'`)];
  return [...offers, ...options.map((option) => line(fishOption(option)))];
}

function fishOption(option: Option): string {
  const what = takes(option);
  const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
  const name = `-l ${(option.long ?? "").replace(/^--/, "")}${short}`;
  if (what === "nothing") return name;
  if (what === "file") return `${name} -r -F`;
  return what === "text" ? `${name} -x` : `${name} -x -a '${what.join(" ")}'`;
}
