import { CliError } from "./cliError.ts";
import { processIo } from "./processIo.ts";
import { run } from "./run.ts";

const io = processIo();
process.exitCode = await run(process.argv.slice(2), io, {
  startNode: () => Promise.reject(new CliError("ERR_NOT_BUILT_IN", "this build cannot run a node")),
  fsckNode: () => Promise.reject(new CliError("ERR_NOT_BUILT_IN", "this build cannot check data")),
});
// Idle connections would keep the process for seconds; what was printed is flushed first.
process.stdout.write("", () => process.stderr.write("", () => process.exit()));
