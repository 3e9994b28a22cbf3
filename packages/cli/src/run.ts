import { Command, CommanderError } from "commander";
import { describeError, exitCodeOf } from "./cliError.ts";
import { registerAppend } from "./commands/append.ts";
import { registerBench } from "./commands/bench.ts";
import { registerBlob } from "./commands/blob.ts";
import { registerCluster } from "./commands/cluster.ts";
import { registerCompletion } from "./commands/completion.ts";
import { registerConfig } from "./commands/config.ts";
import { registerDev } from "./commands/dev.ts";
import { registerDrill } from "./commands/drill.ts";
import { registerFsck } from "./commands/fsck.ts";
import { registerGraph } from "./commands/graph.ts";
import { registerGroup } from "./commands/group.ts";
import { registerImport } from "./commands/importGit.ts";
import { registerLog } from "./commands/log.ts";
import { registerGet, registerQuery, registerTail } from "./commands/read.ts";
import { registerSource } from "./commands/source.ts";
import { registerSink } from "./commands/sink.ts";
import { registerStart } from "./commands/start.ts";
import { CliContext } from "./context.ts";
import { EXIT } from "./exitCodes.ts";
import type { CliIo } from "./io.ts";
import type { FsckNode, StartNode } from "./parts.ts";
import { packageVersion } from "./version.ts";

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
    await buildProgram(context).parseAsync([...argv], { from: "user" });
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

function buildProgram(context: CliContext): Command {
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
  registerDev(program, context);
  registerStart(program, context);
  registerAppend(program, context);
  registerGet(program, context);
  registerQuery(program, context);
  registerTail(program, context);
  registerBlob(program, context);
  registerLog(program, context);
  registerGroup(program, context);
  registerSink(program, context);
  registerGraph(program, context);
  registerSource(program, context);
  registerCluster(program, context);
  registerImport(program, context);
  registerDrill(program, context);
  registerBench(program, context);
  registerFsck(program, context);
  registerConfig(program, context);
  program
    .command("version")
    .description("print the versions of annals and Node")
    .action(() =>
      context.print(
        `annals ${packageVersion()} (node ${process.version}, ${process.platform} ${process.arch})\n`,
      ),
    );
  registerCompletion(program, context);
  return program;
}
