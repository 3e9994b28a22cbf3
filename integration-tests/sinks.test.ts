/**
 * Goal: sinks lose and double nothing when their runner and the log's leader are killed, and what a place refuses is a dead letter. Method: a
 * runner of the built command writes a log of three nodes into files and to a receiver of webhooks, while records come in; both are killed
 * with -9 again and again; the files are then the log, and what the receiver has refused are the letters.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { StoredRecord } from "@annals/client";
import { afterEach, expect, it } from "vitest";
import { ENTRY, TestCluster, until } from "./support/cluster.ts";
import { exitOf } from "./support/program.ts";

const ROUNDS = 4;
const RECORDS_PER_ROUND = 1_500;
const RECORDS = ROUNDS * RECORDS_PER_ROUND;
const BAD = new Set([1, 1_000, 1_001, 4_500]);

let cluster: TestCluster;
let runner: ChildProcess | undefined;
let receiver: Server | undefined;

afterEach(async (context) => {
  runner?.kill("SIGKILL");
  receiver?.close();
  await cluster.closeAfter(context);
});

/** Refuses requests with a bad record; keeps the keys of the others. */
async function receive(keys: Set<string>): Promise<string> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { records } = JSON.parse(body) as {
        readonly records: readonly { readonly key: string; readonly record: StoredRecord }[];
      };
      const isBad = records.some(({ record }) => record.outcome === "failure");
      if (!isBad) for (const { key } of records) keys.add(key);
      response.writeHead(isBad ? 422 : 204).end();
    });
  });
  receiver = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function run(file: string): ChildProcess {
  return spawn(process.execPath, [ENTRY, "sink", "run", file], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, HOOK_SECRET: "s" },
  });
}

async function writtenSeqs(directory: string): Promise<readonly number[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) =>
    name.endsWith("ndjson"),
  );
  const texts = await Promise.all(
    names.toSorted().map((name) => readFile(join(directory, name), "utf8")),
  );
  return [...texts.join("").matchAll(/^\{"seq":(\d+),/gm)].map(([, seq]) => Number(seq));
}

it("files hold each record once and a receiver each at least once, whoever is killed", async () => {
  cluster = await TestCluster.start({ config: "groups: { lease: 1s }\n" });
  await cluster.untilReady();
  const client = cluster.client(...cluster.ids);
  const keys = new Set<string>();
  const hook = await receive(keys);
  const files = join(cluster.directory, "files");
  const file = join(cluster.directory, "sinks.yaml");
  await writeFile(
    file,
    `url: [${cluster.ids.map((id) => cluster.url(id)).join(", ")}]
listen: 127.0.0.1:0
sinks:
  files: { chunkSize: 20, to: { ndjson: { directory: "${files}", rotateBytes: 100KiB } } }
  hook: { chunkSize: 50, to: { webhook: { url: "${hook}", secretEnv: HOOK_SECRET } } }
`,
  );
  for (let round = 0; round < ROUNDS; round++) {
    runner = run(file);
    const before = (await writtenSeqs(files)).length;
    for (let k = 0; k < RECORDS_PER_ROUND; k += 100) {
      const batch = Array.from({ length: 100 }, (_, at) => {
        const seq = round * RECORDS_PER_ROUND + k + at + 1;
        const outcome = BAD.has(seq) ? "failure" : "success";
        return { actor: { id: `user-${seq % 50}` }, action: `do-${seq}`, outcome } as const;
      });
      await client.append("audit", batch, {
        producer: { id: "test", epoch: 1, sequence: (round * RECORDS_PER_ROUND + k) / 100 + 1 },
      });
    }
    await until(async () => (await writtenSeqs(files)).length >= before + 200 + 100 * round);
    if (round % 2 === 1) {
      const leader = await cluster.leader("audit");
      await cluster.kill(leader);
      cluster.spawn(leader);
    }
    runner.kill("SIGKILL");
    await exitOf(runner);
  }
  runner = run(file);
  await until(async () => (await writtenSeqs(files)).length >= RECORDS);
  await until(() => keys.size >= RECORDS - BAD.size);
  // The positions follow, for lag and retention.
  await until(async () => {
    const groups = await client.groups("audit").list();
    return groups.length === 2 && groups.every(({ lag }) => lag === 0);
  });
  runner.kill("SIGTERM");
  expect(await exitOf(runner)).toBe(0);
  expect(await writtenSeqs(files)).toEqual(Array.from({ length: RECORDS }, (_, k) => k + 1));
  const compare = spawn(process.execPath, [ENTRY, "sink", "compare", "files", "--file", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told = await text(compare.stdout);
  expect(told).toMatch(/^files, records 1 to 6000: the same\n/);
  const letters: number[] = [];
  for await (const { action, targets } of client.records("audit.dead-letters")) {
    expect(action).toBe("sink.deadLetter");
    letters.push(Number(targets?.[0]?.id.replace("audit:", "")));
  }
  // A webhook keeps no cursor: a runner that was killed may come to a record once more, and so to its letter.
  expect([...new Set(letters)].toSorted((a, b) => a - b)).toEqual([...BAD]);
});
