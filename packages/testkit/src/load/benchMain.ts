/**
 * Records per second into one node and into three, by records per request and encoding, and the SDK's writer beside raw HTTP.
 * `pnpm bench:ingest [--seconds S]`. Everything shares this machine: the nodes and what loads them.
 */
import { AnnalsClient } from "@annals/client";
import { countText } from "../countText.ts";
import { LoadGenerator } from "./generator.ts";
import { startLoadCluster } from "./loadCluster.ts";
import type { LoadCluster } from "./loadCluster.ts";
import { appendRequest, bodyOf, ENCODINGS, recordText } from "./requests.ts";
import type { LoadEncoding } from "./requests.ts";
import { secondsArgument } from "./secondsArgument.ts";

const SECONDS_DEFAULT = 4;
const RECORD_BYTES = 256;
const SIZES = [1, 64, 500] as const;
const CONNECTIONS = 32;
/** Requests that the SDK's writer has on their way, and raw HTTP beside it. */
const WINDOW = 4;
const SDK_RECORDS = 500;

const seconds = secondsArgument(process.argv.slice(2), SECONDS_DEFAULT);
for (const nodes of [1, 3] as const) {
  const cluster = await startLoadCluster(nodes, "");
  try {
    await table(cluster, nodes);
    await sdk(cluster);
  } finally {
    await cluster.close();
  }
}

async function table(cluster: LoadCluster, nodes: number): Promise<void> {
  console.log(
    `\n${nodes} node${nodes === 1 ? "" : "s"}: records per second, of ${RECORD_BYTES} bytes of JSON; ${CONNECTIONS} connections, ` +
      `${seconds} s each`,
  );
  console.log(
    ["records/request", ...ENCODINGS].map((text) => text.padStart(15)).join(" ") +
      "        p99 of json",
  );
  for (const size of SIZES) {
    const cells: string[] = [];
    let p99 = 0;
    for (const encoding of ENCODINGS) {
      const measured = await raw(cluster, encoding, size, CONNECTIONS);
      cells.push(countText(Math.round(measured.perSecond)));
      if (encoding === "json") p99 = measured.p99;
    }
    const row = [String(size), ...cells].map((text) => text.padStart(15)).join(" ");
    console.log(`${row} ${`${p99.toFixed(1)} ms`.padStart(18)}`);
  }
}

async function raw(
  { leader }: LoadCluster,
  encoding: LoadEncoding,
  size: number,
  connections: number,
): Promise<{ readonly perSecond: number; readonly p99: number }> {
  const request = appendRequest(encoding, bodyOf(encoding, 0, size, RECORD_BYTES));
  const options = { addresses: [leader], connections, source: () => () => request };
  await new LoadGenerator({ ...options, seconds: 0.5 }).closedLoop();
  const began = performance.now();
  const outcomes = await new LoadGenerator({ ...options, seconds }).closedLoop();
  for (const [code, count] of outcomes.others) console.error(`${count} × ${code}`);
  const tookSeconds = (performance.now() - began) / 1000;
  return {
    perSecond: (outcomes.accepted * size) / tookSeconds,
    p99: outcomes.percentile(0.99),
  };
}

/** The writer encodes every record within the measurement, as in a program; raw HTTP sends the same bytes again and again. */
async function sdk(cluster: LoadCluster): Promise<void> {
  const bare = await raw(cluster, "msgpack", SDK_RECORDS, WINDOW);
  const client = new AnnalsClient({ urls: [`http://${cluster.leader}`] });
  const writer = client.writer("audit", { window: WINDOW, maxBatchRecords: SDK_RECORDS });
  const began = performance.now();
  let appended = 0;
  const record = JSON.parse(recordText(0, RECORD_BYTES));
  while (performance.now() - began < seconds * 1000) {
    await writer.ready();
    void writer.append(record).catch((error: unknown) => console.error(error));
    appended++;
  }
  await writer.close();
  const perSecond = appended / ((performance.now() - began) / 1000);
  client.close();
  console.log(
    `client.writer(): ${countText(Math.round(perSecond))} records per second, raw HTTP with the same ${WINDOW} requests of ` +
      `${SDK_RECORDS} in msgpack on their way ${countText(Math.round(bare.perSecond))}: ` +
      `${Math.round((100 * perSecond) / bare.perSecond)} %`,
  );
}
