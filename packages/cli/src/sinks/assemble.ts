import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { AnnalsClient, LaneGrant } from "@annals/client";
import {
  ClientLane,
  ClientLog,
  DeadLetterLog,
  deadLetterLogOf,
  NdjsonFile,
  Postgres,
  SinkRunner,
  SYSTEM_CLOCK,
  Webhook,
} from "@annals/sinks";
import type { Sink, SinkLimits } from "@annals/sinks";
import { CliError } from "../cliError.ts";
import type { SinkSpec } from "./sinkSchema.ts";

/** What sinks are made from. */
export interface SinkSite {
  readonly client: AnnalsClient;
  /** Id of the cluster. */
  readonly cluster: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly note: (text: string) => void;
}

/** One lane of a sink of a file. */
export interface SinkLane {
  readonly sink: () => Sink<unknown>;
  readonly source: ClientLog;
  readonly lane: ClientLane;
  readonly group: string;
}

function deadLetterLogFor({ log, deadLetters }: SinkSpec): string {
  return deadLetters.log ?? deadLetterLogOf(log);
}

export function sinkLane(site: SinkSite, name: string, spec: SinkSpec, lane: number): SinkLane {
  const { client } = site;
  const { log, lanes, laneKey, from } = spec;
  const group = spec.group ?? `sink.${name}`;
  const sink = (): Sink<unknown> => makeSink(site, name, spec, lane);
  const share = lanes === 1 ? {} : { lane: `${lane}/${lanes}`, laneKey };
  const settings = sink().settings;
  // A process that ends without a word leaves its lane to the lease: a new one must not look like the old one.
  const member = `${hostname()}:${process.pid}:${randomUUID()}`;
  return {
    sink,
    source: new ClientLog({ client, log, ...share }),
    lane: new ClientLane({ client, log, group, lane, lanes, from, settings, member }),
    group,
  };
}

/** One runner a lane. Throws for what cannot be made of the file here, such as a missing secret. */
export function sinkRunners(
  site: SinkSite,
  name: string,
  spec: SinkSpec,
): readonly SinkRunner<unknown>[] {
  return Array.from({ length: spec.lanes }, (_, lane) => {
    const { sink, source, lane: groupLane, group } = sinkLane(site, name, spec, lane);
    return new SinkRunner({
      name,
      log: spec.log,
      group,
      lane,
      sink,
      source,
      groupLane,
      deadLetters: new DeadLetterLog({
        client: site.client,
        log: spec.log,
        deadLetterLog: deadLetterLogFor(spec),
        sink: name,
        lane,
      }),
      clock: SYSTEM_CLOCK,
      randomBelow: (n) => Math.floor(Math.random() * n),
      limits: limitsOf(spec),
      start: startOf(spec),
      note: (text) => site.note(`${name}/${lane}: ${text}`),
    });
  });
}

function limitsOf({
  chunkSize,
  chunkBytes,
  readBytes,
  deadLetters,
}: SinkSpec): Partial<SinkLimits> {
  const { max: deadLettersMax, part: deadLettersPart } = deadLetters;
  const given = { chunkSize, chunkBytes, readBytes, deadLettersMax, deadLettersPart };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/**
 * A database that has lost its files is filled again from the first record or a seq. `end` and a time were places when the group was made,
 * and a sink that keeps no cursor goes on where its group is.
 */
function startOf({ from, to }: SinkSpec): (grant: LaneGrant) => Promise<number> {
  const keepsCursor = to.webhook === undefined;
  return async ({ position }) => {
    if (!keepsCursor) return position;
    if (from === "first") return 0;
    return typeof from === "number" ? from : position;
  };
}

function makeSink(site: SinkSite, name: string, spec: SinkSpec, lane: number): Sink<unknown> {
  const { ndjson, webhook, postgres } = spec.to;
  if (ndjson !== undefined) {
    const directory = resolve(site.cwd, ndjson.directory);
    const own = spec.lanes === 1 ? directory : resolve(directory, `lane-${lane}`);
    const { rotateBytes } = ndjson;
    return new NdjsonFile({
      directory: own,
      ...(rotateBytes === undefined ? {} : { rotateBytes }),
    });
  }
  if (webhook !== undefined) {
    const secret = site.env[webhook.secretEnv] ?? "";
    if (secret === "") throw noSecret(name, webhook.secretEnv);
    const { cluster } = site;
    return new Webhook({ url: webhook.url, secret, cluster, log: spec.log, now: Date.now });
  }
  if (postgres !== undefined) {
    const { url, schema } = postgres;
    const given = schema === undefined ? {} : { schema };
    return new Postgres({ url, name, log: spec.log, lane, ...given });
  }
  throw new RangeError(`sink ${name} writes to nothing that this version knows`);
}

function noSecret(name: string, variable: string): CliError {
  return new CliError("ERR_SINK_SECRET", `sink ${name}: the environment has no ${variable}`, {
    hint: "set it to the secret with which requests are signed",
  });
}
