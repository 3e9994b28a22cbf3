import { CliError, usageError } from "../program/cliError.ts";
import type { CliContext, ClientOptions } from "../program/context.ts";
import type { SinkSite } from "./sinkSite.ts";
import { readSinkFile } from "./sinkFile.ts";
import type { SinkFile } from "./sinkFile.ts";
import type { SinkSpec } from "./sinkSchema.ts";

/** The cluster that a file of sinks or sources names, or the options. */
export async function siteOf(
  context: CliContext,
  options: ClientOptions,
  file: Pick<SinkFile, "urls">,
): Promise<SinkSite> {
  const fromFile = options.url === undefined && file.urls !== undefined ? { url: file.urls } : {};
  const client = context.client({ ...options, ...fromFile });
  const status = await client.cluster({ signal: context.interrupt });
  if (status.clusterId === undefined)
    throw new CliError(
      "ERR_CLUSTER_UNBORN",
      `cluster ${status.cluster} has not begun yet: nodes are missing`,
      { hint: "`annals cluster health` says which" },
    );
  const { cwd, env } = context.io;
  return {
    client,
    cluster: status.clusterId,
    cwd,
    env,
    note: (text) => void context.note(text),
  };
}

/** A sink of a file, by its name. */
export async function oneSink(
  context: CliContext,
  path: string,
  name: string,
  options: ClientOptions,
): Promise<{ readonly site: SinkSite; readonly spec: SinkSpec }> {
  const file = await readSinkFile(path, context.io);
  const spec = file.sinks.get(name);
  if (spec === undefined)
    throw usageError(`${path} has no sink ${name}; it has ${[...file.sinks.keys()].join(", ")}`);
  return { site: await siteOf(context, options, file), spec };
}
