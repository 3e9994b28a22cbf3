import { wrongUsage } from "@annals/kit";
import { parseArguments, USAGE } from "./arguments.ts";
import { DRAWN, MIXES } from "./mixes.ts";
import { isInside, onOuterStop, prepareNetwork, reexec } from "./namespaces.ts";
import { runMixes } from "./runMixes.ts";

const exitCode = await main(process.argv.slice(2));
// Everything is closed by now. Left to itself, Node 24 was seen to spin for ever over its handles at the end
// (`Environment::CleanupHandles`), after a run that had killed dozens of children.
process.exit(exitCode);

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv);
  if (parsed.kind === "help") {
    console.log(USAGE);
    return 0;
  }
  if (parsed.kind === "wrong") return wrongUsage("pnpm chaos", parsed.problem);
  const names = [...MIXES.map(({ name }) => name), DRAWN];
  if (parsed.mix !== undefined && !names.includes(parsed.mix)) {
    const problem = `there is no mix "${parsed.mix}"; there are ${names.join(", ")}`;
    return wrongUsage("pnpm chaos", problem);
  }
  if (!isInside()) {
    const code = await reexec();
    if (code !== undefined) return code;
  }
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  if (isInside()) {
    onOuterStop(stop);
    await prepareNetwork();
  }
  return runMixes(parsed, stopping.signal);
}
