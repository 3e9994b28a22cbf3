import type { Command } from "commander";
import { registerAppend } from "../records/append.ts";
import { registerBench } from "../bench/bench.ts";
import { registerBlob } from "../records/blob.ts";
import { registerCluster } from "../cluster/cluster.ts";
import { registerCompletion } from "./completion.ts";
import { registerConfig } from "../config/config.ts";
import { registerDev } from "../node/dev.ts";
import { registerDrill } from "../drill/drill.ts";
import { registerFsck } from "../node/fsck.ts";
import { registerGraph } from "../graph/graph.ts";
import { registerGroup } from "../group/group.ts";
import { registerImport } from "../git/importGitCommand.ts";
import { registerLog } from "../log/log.ts";
import { registerGet, registerQuery, registerTail } from "../records/read.ts";
import { registerSource } from "../source/source.ts";
import { registerSink } from "../sink/sink.ts";
import { registerStart } from "../node/start.ts";
import { withOutput } from "./context.ts";
import type { CliContext, OutputOptions } from "./context.ts";
import { tellOutcome } from "./report.ts";
import { packageVersion } from "./version.ts";

/** Every command, in the order of the help. */
export function registerAll(program: Command, context: CliContext): void {
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
  withOutput(
    program.command("version").description("print the versions of annals and Node"),
  ).action((options: OutputOptions) => {
    const { platform, arch, version: node } = process;
    const version = packageVersion();
    const text = `annals ${version} (node ${node}, ${platform} ${arch})`;
    return tellOutcome(context, options, text, { version, node, platform, arch });
  });
  registerCompletion(program, context);
}
