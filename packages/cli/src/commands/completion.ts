import type { Command } from "commander";
import { usageError } from "../cliError.ts";
import type { CliContext } from "../context.ts";

/** A command with what can follow it. */
interface Node {
  /** Words up to it, such as `cluster health`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly string[];
}

export function registerCompletion(program: Command, context: CliContext): void {
  program
    .command("completion")
    .description("print a completion script for a shell: bash, zsh or fish")
    .argument("<shell>")
    .addHelpText(
      "before",
      "Examples:\n  source <(annals completion bash)\n  annals completion fish > ~/.config/fish/completions/annals.fish\n",
    )
    .action((shell: string) => {
      const nodes = walk(program, "");
      if (shell === "bash") return context.print(bashScript(nodes));
      if (shell === "zsh")
        return context.print(`autoload -U +X bashcompinit && bashcompinit\n${bashScript(nodes)}`);
      if (shell === "fish") return context.print(fishScript(nodes));
      throw usageError(`completion ${shell}: expected bash, zsh or fish`);
    });
}

function walk(command: Command, path: string): readonly Node[] {
  const visible = command.createHelp().visibleCommands(command);
  const names = visible.map((child) => child.name());
  const options = command.options
    .filter((option) => !option.hidden)
    .flatMap(({ long }) => long ?? []);
  const inner = visible.flatMap((child) =>
    walk(child, path === "" ? child.name() : `${path} ${child.name()}`),
  );
  return [{ path, words: [...names, ...options, "--help"] }, ...inner];
}

function bashScript(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) => `    "${path}") words="${words.join(" ")}" ;;`);
  const paths = nodes.map(({ path }) => `"${path}"`).join(" ");
  return `_annals() {
  local words="" path="" word candidate known
  local paths=(${paths})
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    candidate="\${path:+$path }$word"
    for known in "\${paths[@]}"; do [[ "$known" == "$candidate" ]] && path="$candidate"; done
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [[ \${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _annals annals
`;
}

function fishScript(nodes: readonly Node[]): string {
  return nodes
    .flatMap(({ path, words }) => {
      const parts = path === "" ? [] : path.split(" ");
      const condition =
        parts.length === 0
          ? "__fish_use_subcommand"
          : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join("; and ");
      return words.map((word) =>
        word.startsWith("--")
          ? `complete -c annals -n '${condition}' -l ${word.slice(2)}`
          : `complete -c annals -n '${condition}' -a ${word}`,
      );
    })
    .join("\n")
    .concat("\n");
}
