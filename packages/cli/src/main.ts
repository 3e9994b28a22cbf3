import { startNode } from "@annals/server";
import { fsckNode } from "@annals/storage";
import { processIo } from "./processIo.ts";
import { run } from "./run.ts";

const parts = { startNode, fsckNode };
process.exitCode = await run(process.argv.slice(2), processIo(), parts);
// Idle connections would keep the process for seconds; what was printed is flushed first.
process.stdout.write("", () => process.stderr.write("", () => process.exit()));
