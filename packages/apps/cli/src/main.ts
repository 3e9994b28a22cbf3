import { boundedStart } from "./node/mainHeap.ts";

if (process.argv[2] === "start") {
  const again = boundedStart(process);
  if (again !== undefined) process.execve?.(...again);
}

// Loaded only now: a process that becomes itself again has no use for them.
const [{ startNode }, { fsckNode }, { processIo }, { run }] = await Promise.all([
  import("@annals/node"),
  import("@annals/storage"),
  import("./program/processIo.ts"),
  import("./program/run.ts"),
]);
process.exitCode = await run(process.argv.slice(2), processIo(), {
  startNode: (config) => startNode(config, { process }),
  fsckNode,
});
// Idle connections would keep the process for seconds; what was printed is flushed first.
process.stdout.write("", () => process.stderr.write("", () => process.exit()));
