import { Command, CommanderError } from "commander";
import { describeError, exitCodeOf } from "./cliError.ts";
import { registerStart } from "./commands/start.ts";
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
  0 ok · 1 failed · 2 usage · 3 cannot connect · 4 no leader, quorum or answer in time (try again) · 5 denied · 6 not found
  10 unhealthy · 20 damage found · 78 bad configuration · 130 interrupted
`;

/** Runs one command line and gives its exit code. Never throws; prints what went wrong to stderr. */
export async function run(argv: readonly string[], io: CliIo, parts: CliParts): Promise<number> {
  const interrupt = new AbortController();
  const stopListening = io.onInterrupt(() => interrupt.abort());
  const context = new CliContext(io, parts, interrupt.signal);
  try {
    const program = await buildProgram(context, argv[0]);
    await program.parseAsync([...argv], { from: "user" });
    return context.exitCode;
  } catch (error) {
    // Help and version end by such an error, too; commander has printed whatever there is to print.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (interrupt.signal.aborted) {
      await context.note("annals: interrupted");
      return EXIT.interrupted;
    }
    await context.note(describeError(error));
    return exitCodeOf(error);
  } finally {
    stopListening();
    context.close();
  }
}

async function buildProgram(context: CliContext, command: string | undefined): Promise<Command> {
  const { io } = context;
  const program = new Command("annals");
  program
    .description("A replicated audit log.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHasColors: () => context.color,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .showHelpAfterError("(annals --help, or annals COMMAND --help)")
    .helpCommand(false)
    .addHelpText(
      "before",
      "Examples:\n  annals dev --demo\n  annals append --actor ada --action login\n  annals query --since 1h\n",
    )
    .addHelpText("after", EXIT_CODE_HELP);
  await registerCommands(program, context, command);
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
  const { registerAll } = await import("./commands/all.ts");
  registerAll(program, context);
}
