import { resolve } from "node:path";
import type { GraphDatabase, RecordMapping } from "@annals/graph";
import { NdjsonFile, Postgres, Webhook } from "@annals/sinks";
import type { Sink } from "@annals/sinks";
import { CliError, usageError } from "../program/cliError.ts";
import { readYaml } from "../program/yamlFile.ts";
import type { SinkSite } from "./sinkSite.ts";
import { refuseSinkFile } from "./sinkFile.ts";
import type { SinkSpec, WrittenGraph } from "./sinkSchema.ts";

/** Makes a sink of a lane, anew for every time that the lane is held. */
export type MakeSink = (lane: number) => Sink<unknown>;

/** Rejects for what cannot be made of the file here, such as a missing secret. */
export async function sinkMaker(site: SinkSite, name: string, spec: SinkSpec): Promise<MakeSink> {
  const { log, lanes } = spec;
  const { ndjson, webhook, postgres, graph } = spec.to;
  if (ndjson !== undefined) {
    const directory = resolve(site.cwd, ndjson.directory);
    const { rotateBytes } = ndjson;
    const rotation = rotateBytes === undefined ? {} : { rotateBytes };
    return (lane) => {
      const own = lanes === 1 ? directory : resolve(directory, `lane-${lane}`);
      return new NdjsonFile({ directory: own, ...rotation });
    };
  }
  if (webhook !== undefined) {
    const secret = secretOf(site, name, webhook.secretEnv);
    const { cluster } = site;
    return () => new Webhook({ url: webhook.url, secret, cluster, log, now: Date.now });
  }
  if (postgres !== undefined) {
    const { url, schema } = postgres;
    const given = schema === undefined ? {} : { schema };
    const { cluster } = site;
    return (lane) => new Postgres({ url, name, cluster, log, lane, ...given });
  }
  if (graph !== undefined) return graphMaker(site, name, spec, graph);
  throw new RangeError(`sink ${name} writes to nothing that this version knows`);
}

async function graphMaker(
  site: SinkSite,
  name: string,
  { log, lanes }: SinkSpec,
  written: WrittenGraph,
): Promise<MakeSink> {
  // Only who has such a sink loads the drivers.
  const { GraphSink, gitMapping, mappingOfTemplate } = await import("@annals/graph");
  const { degreeBudget, mapping: file } = written;
  if (lanes > 1 && written.url.startsWith("grafeo:"))
    throw usageError(`sink ${name}: an embedded graph has one writer, so lanes must be 1`);
  const connect = await graphConnector(site, name, written);
  const mappingOf = async (): Promise<RecordMapping | undefined> => {
    if (file === undefined) return undefined;
    if (file === "git") return gitMapping({ log, degreeBudget });
    const template = await readYaml(site.cwd, file, refuseSinkFile);
    return mappingOfTemplate(template.value, log);
  };
  const mapping = await mappingOf();
  return (lane) =>
    new GraphSink({
      id: `${name}.${lane}`,
      target: `graph ${withoutSecrets(written.url)}`,
      cluster: site.cluster,
      log,
      connect,
      ...(degreeBudget === undefined ? {} : { degreeBudget }),
      ...(mapping === undefined ? {} : { mapping }),
    });
}

/** Opens the graph that a file or a command names. */
export async function graphConnector(
  site: Pick<SinkSite, "cwd" | "env">,
  name: string,
  { url, user, passwordEnv, database }: WrittenGraph,
): Promise<() => Promise<GraphDatabase>> {
  const { openGraph } = await import("@annals/graph");
  const password = passwordEnv === undefined ? undefined : secretOf(site, name, passwordEnv);
  const [, path = ""] = /^grafeo:(.*)$/.exec(url) ?? [];
  const where = path === "" ? url : `grafeo:${resolve(site.cwd, path)}`;
  const options = {
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
  };
  return () => openGraph(where, options);
}

function secretOf(site: Pick<SinkSite, "env">, name: string, variable: string): string {
  const secret = site.env[variable] ?? "";
  if (secret !== "") return secret;
  throw new CliError("ERR_SINK_SECRET", `sink ${name}: the environment has no ${variable}`, {
    hint: "the file of sinks names the variable that holds the secret or the password",
  });
}

/** An address, for people. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}
