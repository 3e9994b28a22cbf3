/**
 * Goal: what goes in comes out: keys in their order, every digit, bytes as base64. Method: records that JavaScript would change, sent to a
 * real node of one as JSON, NDJSON, msgpack and by the command; read over HTTP, by the command, the SDK and a sink of files.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { AnnalsClient, recordText } from "@annals/client";
import type { EncodedRecords } from "@annals/client";
import { Packr } from "msgpackr";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ENTRY, TestCluster, until } from "./support/cluster.ts";
import { exitOf, startProgram } from "./support/program.ts";

const run = promisify(execFile);
const DATA =
  '{"10":1,"9":2,"wide":[18446744073709551615,-9223372036854775808,123456789012345678901234567890],' +
  '"decimal":[0.10000000000000000001,9007199254740993.0,1e400,-0,100.10],"text":"ä\\u0000\\"😀"}';
/** As it is written back: only `100.10` has a shorter form of the same value. */
const DATA_OUT = DATA.replace("100.10", "100.1");
const record = (data: string): string =>
  `{"actor":{"id":"ada"},"action":"test.value","data":${data}}`;

let cluster: TestCluster;
let url: string;
let client: AnnalsClient;

beforeAll(async () => {
  cluster = await TestCluster.start({ nodes: ["a"] });
  await cluster.untilReady();
  url = `${cluster.url("a")}/v1/logs/audit/records`;
  client = new AnnalsClient({ urls: [cluster.url("a")] });
});

afterAll(async () => {
  client.close();
  await cluster.close();
});

async function post(contentType: EncodedRecords["contentType"], body: Uint8Array): Promise<void> {
  const answer = await client.append("audit", { contentType, bytes: new Uint8Array(body) });
  expect(answer.count).toBe(1);
}

function annals(...argv: readonly string[]): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, ANNALS_URL: cluster.url("a") };
  return run(process.execPath, [ENTRY, ...argv], { env });
}

const withoutPlace = (line: string): string =>
  line.replace(/^\{"seq":\d+,"recordedAt":"[^"]+",/, "{");

it("comes out of every door as it went in by any", async () => {
  const file = join(cluster.directory, "in.ndjson");
  writeFileSync(file, `${record(DATA)}\n`);
  await post("application/json", Buffer.from(record(DATA)));
  await post("application/x-ndjson", Buffer.from(`${record(DATA)}\n`));
  await annals("append", file);
  await annals("append", "--actor", "ada", "--action", "test.value", "--data", DATA_OUT);
  const bytes = new Packr({ useRecords: false }).pack({
    actor: { id: "ada" },
    action: "test.value",
    data: { wide: 2n ** 64n - 1n, bytes: Buffer.from("abc") },
  });
  await post("application/msgpack", bytes);

  const asSent = record(DATA_OUT);
  const packed = record('{"wide":18446744073709551615,"bytes":"YWJj"}');
  // Built from options in JavaScript, which puts such keys first.
  const built = record(DATA_OUT.replace('"10":1,"9":2', '"9":2,"10":1'));
  const expected = [asSent, asSent, asSent, built, packed];

  const page = await fetch(url, { headers: { accept: "application/x-ndjson" } });
  expect((await page.text()).trimEnd().split("\n").map(withoutPlace)).toEqual(expected);
  const { stdout } = await annals("query", "--all", "-o", "ndjson");
  expect(stdout.trimEnd().split("\n").map(withoutPlace)).toEqual(expected);

  const streamed: string[] = [];
  for await (const one of client.subscribe("audit")) {
    streamed.push(withoutPlace(recordText(one)));
    if (streamed.length === expected.length) break;
  }
  expect(streamed).toEqual(expected);
  expect(withoutPlace(recordText(await client.get("audit", 1)))).toBe(asSent);
  expect(await written()).toEqual(expected);
});

/** The lines that a sink of files has written, once it has all. */
async function written(): Promise<readonly string[]> {
  const directory = join(cluster.directory, "out");
  const settings = join(cluster.directory, "sinks.yaml");
  writeFileSync(
    settings,
    `url: [${cluster.url("a")}]\nlisten: 127.0.0.1:0\nsinks:\n  files: { to: { ndjson: { directory: "${directory}" } } }\n`,
  );
  const runner = startProgram([ENTRY, "sink", "run", settings], cluster.directory, () => undefined);
  try {
    return await until(() => {
      const names = (existsSync(directory) ? readdirSync(directory) : []).filter((name) =>
        name.endsWith(".ndjson"),
      );
      const lines = names.flatMap((name) =>
        readFileSync(join(directory, name), "utf8")
          .split("\n")
          .filter((line) => line.startsWith('{"seq":')),
      );
      return lines.length === 5 ? lines.map(withoutPlace) : undefined;
    });
  } finally {
    runner.kill("SIGTERM");
    await exitOf(runner);
  }
}
