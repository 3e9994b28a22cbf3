import { KafkaSource } from "@annals/sources";
import type { Source } from "@annals/sources";
import type { SinkSite } from "../sinks/assemble.ts";
import { readSecurity } from "./security.ts";
import { kafkaGroup } from "./sourceSchema.ts";
import type { SourceSpec } from "./sourceSchema.ts";

/** Rejects for what cannot be made of the file here, such as a missing secret. */
export async function makeSource(
  { client, cluster, cwd, env, note }: SinkSite,
  name: string,
  { log, from: { kafka }, record: mapping }: SourceSpec,
): Promise<Source> {
  if (kafka === undefined) throw new RangeError(`source ${name} reads from nothing that is known`);
  const { brokers, topics, stateBytes, sessionTimeout } = kafka;
  return new KafkaSource({
    ...(await readSecurity(kafka, { cwd, env })),
    name,
    client,
    cluster,
    log,
    brokers,
    topics,
    group: kafkaGroup(name, kafka),
    mapping,
    stateBytesMax: stateBytes,
    sessionTimeoutMs: sessionTimeout,
    note: (text) => note(`${name}: ${text}`),
  });
}
