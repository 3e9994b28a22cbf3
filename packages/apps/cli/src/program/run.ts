import { Command, CommanderError } from "commander";
import { describeError, errorJson, exitCodeOf, usageError } from "./cliError.ts";
import { registerStart } from "../node/start.ts";
import { CliContext } from "./context.ts";
import { EXIT } from "./exitCodes.ts";
import type { CliIo } from "./io.ts";
import type { FsckNode, StartNode } from "./parts.ts";

export interface CliParts {
  readonly startNode: StartNode;
  readonly fsckNode: FsckNode;
}

const EXIT_CODE_HELP = `
Exit codes:
  0 ok · 1 failed · 2 usage · 3 cannot connect · 5 denied · 6 not found
  4 no leader, quorum or answer in time (try again)
  7 some lines became dead letters · 10 unhealthy · 20 damage found
  78 bad configuration · 130 interrupted
`;

/** Runs one command line and gives its exit code. Never throws; prints what went wrong to stderr. */
export async function run(argv: readonly string[], io: CliIo, parts: CliParts): Promise<number> {
  const interrupt = new AbortController();
  const stopListening = io.onInterrupt(() => interrupt.abort());
  const context = new CliContext(io, parts, interrupt.signal);
  try {
    const program = await buildProgram(context, argv);
    await program.parseAsync([...argv], { from: "user" });
    return context.exitCode;
  } catch (error) {
    // Help and version end by such an error, too; commander has printed whatever there is to print.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    if (error instanceof CommanderError && !wantsJson(argv, io.env)) return EXIT.usage;
    if (interrupt.signal.aborted) {
      await context.note("annals: interrupted");
      return EXIT.interrupted;
    }
    const told = error instanceof CommanderError ? usageError(usageText(error.message)) : error;
    const text = wantsJson(argv, io.env) ? errorJson(told) : describeError(told);
    await context.note(text);
    return exitCodeOf(told);
  } finally {
    stopListening();
    context.close();
  }
}

/** Whether the one who asked reads JSON; then errors are JSON, too. Read from the words, as they may be what is wrong. */
function wantsJson(argv: readonly string[], env: CliIo["env"]): boolean {
  const at = argv.findIndex((word) => /^(?:-o|--output)/.test(word));
  const word = argv[at] ?? "";
  const glued = word.replace(/^(?:-o|--output=?)/, "");
  const format = at < 0 ? env["ANNALS_OUTPUT"] : glued === "" ? argv[at + 1] : glued;
  return format === "json" || format === "ndjson";
}

/** Commander's own errors in the style of all others. */
function usageLine(text: string): string {
  const [first = "", ...rest] = usageText(text).split("\n");
  return `${[`annals: ${first} (ERR_USAGE)`, ...rest].join("\n")}\n`;
}

function usageText(text: string): string {
  return text.replace(/^error: /, "").trimEnd();
}

async function buildProgram(context: CliContext, argv: readonly string[]): Promise<Command> {
  const { io } = context;
  const program = new Command("annals");
  program
    .description("A replicated audit log.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => {
        if (!wantsJson(argv, io.env)) write(usageLine(text));
      },
      getOutHasColors: () => context.color,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .showHelpAfterError(
      wantsJson(argv, io.env) ? false : "(annals --help, or annals COMMAND --help)",
    )
    .helpCommand(false)
    .addHelpText(
      "before",
      "Examples:\n  annals dev --demo\n  annals append --actor ada --action login\n  annals query --since 1h\n",
    )
    .addHelpText("after", EXIT_CODE_HELP);
  await registerCommands(program, context, argv[0]);
  return program;
}

/** A node that starts is waited for: it does not load what the other commands need. */
async function registerCommands(
  program: Command,
  context: CliContext,
  command: string | undefined,
): Promise<void> {
  if (command === "start") {
    registerStart(program, context);
    return;
  }
  const { registerAll } = await import("./all.ts");
  registerAll(program, context);
}
