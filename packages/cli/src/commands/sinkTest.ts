import type { GroupInfo } from "@annals/client";
import { inspect, messageOf } from "@annals/sinks";
import type { Command } from "commander";
import { CliError } from "../cliError.ts";
import { EXIT } from "../exitCodes.ts";
import { withClient } from "../context.ts";
import type { CliContext, ClientOptions } from "../context.ts";
import { groupOf, groupSettings, scopeOf, sinkLane } from "../sinks/assemble.ts";
import type { SinkSite } from "../sinks/assemble.ts";
import { sinkMaker } from "../sinks/makeSink.ts";
import { readSinkFile } from "../sinks/sinkFile.ts";
import type { SinkSpec } from "../sinks/sinkSchema.ts";
import { siteOf } from "../sinks/site.ts";

export function registerTest(group: Command, context: CliContext): void {
  withClient(group.command("test"))
    .description("check a file of sinks: the file, the cluster, and what each sink writes to")
    .argument("<file>")
    .action(async (path: string, options: ClientOptions) => {
      const file = await readSinkFile(path);
      const site = await siteOf(context, options, file);
      const logs = new Set(
        (await site.client.logs({ signal: context.interrupt })).map(({ name }) => name),
      );
      for (const [name, spec] of file.sinks) {
        // One that is wrong says nothing about the others.
        try {
          if (!logs.has(spec.log)) throw noLog(spec.log);
          await assertGroupFits(context, site, name, spec);
          const seq = await testLanes(context, site, name, spec);
          const at = seq === undefined ? "nothing yet" : `everything up to ${seq}`;
          await context.print(`${name}: ok, it has ${at}\n`);
        } catch (error) {
          const isOfFile = error instanceof CliError && error.code === "ERR_SINK_FILE_INVALID";
          if (context.interrupt.aborted || isOfFile) throw error;
          context.exitCode = EXIT.failed;
          await context.print(`${name}: FAILED: ${messageOf(error)}\n`);
        }
      }
    });
}

/** Opens the place of every lane. Resolves with the seq of the one that is furthest behind, undefined if none has anything. */
async function testLanes(
  context: CliContext,
  site: SinkSite,
  name: string,
  spec: SinkSpec,
): Promise<number | undefined> {
  const make = await sinkMaker(site, name, spec);
  const seqs: (number | undefined)[] = [];
  for (let k = 0; k < spec.lanes; k++) {
    const { sink: newSink, source } = sinkLane(site, name, spec, make, k);
    const sink = newSink();
    try {
      const scope = scopeOf(site, spec, k);
      const cursor = await inspect({ name, scope, sink, source }, context.interrupt);
      seqs.push(cursor?.seq);
    } finally {
      await sink.close();
    }
  }
  const known = seqs.filter((seq) => seq !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Two consumers on one cursor starve each other: what the group feeds is compared before anything runs. */
async function assertGroupFits(
  context: CliContext,
  site: SinkSite,
  name: string,
  spec: SinkSpec,
): Promise<void> {
  const groups = await site.client.groups(spec.log).list({ signal: context.interrupt });
  const there: GroupInfo | undefined = groups.find((one) => one.name === groupOf(name, spec));
  if (there === undefined) return;
  const make = await sinkMaker(site, name, spec);
  const wanted = groupSettings(name, make(0));
  if (there.settings !== wanted)
    throw new CliError(
      "ERR_GROUP_SETTINGS",
      `group ${there.name} of log ${spec.log} feeds ${there.settings || "another consumer"}, ` +
        `and this is ${wanted}: give it a group of its own`,
    );
  if (there.lanes.length !== spec.lanes)
    throw new CliError(
      "ERR_GROUP_SETTINGS",
      `group ${there.name} of log ${spec.log} has ${there.lanes.length} lanes, and the file says ${spec.lanes}`,
    );
}

function noLog(log: string): CliError {
  return new CliError("ERR_LOG_NOT_FOUND", `the cluster has no log ${log}`);
}
