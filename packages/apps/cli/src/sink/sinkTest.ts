import type { GroupInfo } from "@annals/client";
import { AnnalsError } from "@annals/record";
import { inspect, messageOf } from "@annals/sinks";
import type { Command } from "commander";
import { CliError } from "../program/cliError.ts";
import { EXIT } from "../program/exitCodes.ts";
import { withClient, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { tellEach, tellTests } from "../program/report.ts";
import { feedsOf, groupOf, groupSettings, scopeOf, sinkLane } from "./assemble.ts";
import type { SinkSite } from "./sinkSite.ts";
import { sinkMaker } from "./makeSink.ts";
import type { MakeSink } from "./makeSink.ts";
import { readSinkFile } from "./sinkFile.ts";
import type { SinkSpec } from "./sinkSchema.ts";
import { siteOf } from "./site.ts";

export function registerTest(group: Command, context: CliContext): void {
  withOutput(withClient(group.command("test")))
    .description("check a file of sinks: the file, the cluster, and what each sink writes to")
    .argument("<file>")
    .action((path: string, options: ClientOptions & OutputOptions) =>
      tellEach(context, options, async (tell) => {
        const file = await readSinkFile(path, context.io);
        const site = await siteOf(context, options, file);
        const logs = new Set(
          (await site.client.logs({ signal: context.interrupt })).map(({ name }) => name),
        );
        const test = async (name: string, spec: SinkSpec): Promise<string> => {
          if (!logs.has(spec.log)) throw noLog(spec.log);
          return testSink(context, site, name, spec);
        };
        const failureOf = (error: unknown): string => {
          const isOfFile = error instanceof CliError && error.code === "ERR_SINK_FILE_INVALID";
          if (context.interrupt.aborted || isOfFile) throw error;
          return messageOf(error);
        };
        if (!(await tellTests(file.sinks, test, { tell, failureOf })))
          context.exitCode = EXIT.failed;
      }),
    );
}

async function testSink(
  context: CliContext,
  site: SinkSite,
  name: string,
  spec: SinkSpec,
): Promise<string> {
  const make = await sinkMaker(site, name, spec);
  const holder = await holderOf(context, site, { name, spec, make });
  try {
    const seq = await testLanes(context, site, { name, spec, make });
    return seq === undefined ? "it has nothing yet" : `it has everything up to ${seq}`;
  } catch (error) {
    const isOwn = error instanceof AnnalsError && error.code === "ERR_SINK_IN_USE";
    if (!isOwn || holder === undefined) throw error;
    return `its runner ${holder} has it open`;
  }
}

interface Tested {
  readonly name: string;
  readonly spec: SinkSpec;
  readonly make: MakeSink;
}

/** Opens the place of every lane. Resolves with the seq of the one that is furthest behind, undefined if none has anything. */
async function testLanes(
  context: CliContext,
  site: SinkSite,
  { name, spec, make }: Tested,
): Promise<number | undefined> {
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

/**
 * Who is at work for the sink's group now. Two consumers on one cursor starve each other, so what the group feeds is compared before
 * anything runs. Rejects with ERR_SINK_GROUP.
 */
async function holderOf(
  context: CliContext,
  site: SinkSite,
  { name, spec, make }: Tested,
): Promise<string | undefined> {
  const groups = await site.client.groups(spec.log).list({ signal: context.interrupt });
  const there: GroupInfo | undefined = groups.find((one) => one.name === groupOf(name, spec));
  if (there === undefined) return undefined;
  const whose = `group ${there.name} of log ${spec.log}`;
  const settings = groupSettings(name, make(0));
  if (there.settings !== settings)
    throw otherGroup(
      `${whose} feeds ${there.settings || "another consumer"}, and this is ${settings}`,
    );
  if (there.lanes.length !== spec.lanes)
    throw otherGroup(`${whose} has ${there.lanes.length} lanes, and the file says ${spec.lanes}`);
  const live = there.lanes.find(({ condition }) => condition !== "free" && condition !== "silent");
  const feeds = feedsOf(spec, make);
  if (live !== undefined && there.feeds !== feeds)
    throw otherGroup(
      `${whose} feeds ${there.feeds}, through ${live.member ?? ""}, and this is ${feeds}`,
    );
  return live?.member;
}

function otherGroup(what: string): CliError {
  return new CliError("ERR_SINK_GROUP", `${what}: give it a group of its own`);
}

function noLog(log: string): CliError {
  return new CliError("ERR_LOG_NOT_FOUND", `the cluster has no log ${log}`);
}
