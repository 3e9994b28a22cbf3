import { KafkaSource, PostgresSource } from "@annals/sources";
import type { Source } from "@annals/sources";
import type { SinkSite } from "../sink/sinkSite.ts";
import { readSecurity } from "./security.ts";
import { kafkaGroup } from "./sourceSchema.ts";
import type { SourceSpec, WrittenKafka, WrittenTable } from "./sourceSchema.ts";

/** Rejects for what cannot be made of the file here, such as a missing secret. */
export async function makeSource(site: SinkSite, name: string, spec: SourceSpec): Promise<Source> {
  const { kafka, postgres } = spec.from;
  if (kafka !== undefined) return kafkaSource(site, name, spec, kafka);
  if (postgres !== undefined) return postgresSource(site, name, spec, postgres);
  throw new RangeError(`source ${name} reads from nothing that this version knows`);
}

async function kafkaSource(
  { client, cluster, cwd, env, note }: SinkSite,
  name: string,
  { log, record: mapping }: SourceSpec,
  written: WrittenKafka,
): Promise<Source> {
  const { brokers, topics, stateBytes, sessionTimeout } = written;
  return new KafkaSource({
    ...(await readSecurity(written, { cwd, env })),
    name,
    client,
    cluster,
    log,
    brokers,
    topics,
    group: kafkaGroup(name, written),
    mapping,
    stateBytesMax: stateBytes,
    sessionTimeoutMs: sessionTimeout,
    note: (text) => note(`${name}: ${text}`),
  });
}

function postgresSource(
  { client, cluster, note }: SinkSite,
  name: string,
  { log, record: mapping }: SourceSpec,
  { url, table: written, column, xid, time, poll }: WrittenTable,
): Source {
  const [first = "", second] = written.split(".");
  const [schema, table] = second === undefined ? ["public", first] : [first, second];
  return new PostgresSource({
    name,
    client,
    cluster,
    log,
    url,
    schema,
    table,
    column,
    xid,
    time,
    mapping,
    pollMs: poll,
    note: (text) => note(`${name}: ${text}`),
  });
}
