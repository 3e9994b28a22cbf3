// Goal: the source works with a broker: it joins its group, records, commits offsets behind the quorum, and goes on there. Method: the mock
// cluster of librdkafka, which kcat starts, and a server over a log in memory. Skipped where kcat is not installed.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { AnnalsClient } from "@annals/client";
import kafkajs from "kafkajs";
import { afterEach, expect, test } from "vitest";
import { MemoryService } from "../../server/test/http/memoryService.ts";
import { startTestServer } from "../../server/test/http/testServer.ts";
import { runKafkaSource } from "../src/kafkaSource.ts";

const installed = spawnSync("kcat", ["-V"]).error === undefined;
const close: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of close.splice(0).toReversed()) await one();
});

/** A broker for as long as the process lives; its address. */
async function startBroker(): Promise<string> {
  const args = ["-b", "x", "-P", "-t", "t", "-X", "test.mock.num.brokers=1", "-d", "broker"];
  const child: ChildProcess = spawn("kcat", args, { stdio: ["pipe", "ignore", "pipe"] });
  close.push(() => child.kill("SIGKILL"));
  return new Promise((resolve) => {
    let text = "";
    child.stderr?.on("data", (bytes: Buffer) => {
      text += bytes.toString("utf8");
      const [address] = /127\.0\.0\.1:\d+/.exec(text) ?? [];
      if (address !== undefined) resolve(address);
    });
  });
}

test.skipIf(!installed)(
  "with kcat: messages are recorded once, over two lives of the source",
  { timeout: 180_000 },
  async () => {
    const broker = await startBroker();
    const server = await startTestServer({}, new MemoryService());
    const client = new AnnalsClient({ urls: [server.url] });
    close.push(
      () => server.close(),
      () => client.close(),
    );
    const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    close.push(() => producer.disconnect());
    const produce = async (from: number): Promise<void> => {
      const messages = Array.from({ length: 10 }, (_, k) => ({
        key: `k${k}`,
        value: JSON.stringify({ user: "ada", n: from + k }),
      }));
      await producer.send({ topic: "t", messages });
    };
    /** Runs until so many messages of this life are recorded. */
    const live = async (count: number): Promise<void> => {
      const ending = new AbortController();
      await runKafkaSource({
        client,
        log: "audit",
        brokers: [broker],
        group: "annals",
        topics: ["t"],
        mapping: { actor: { id: "{value.user}" }, action: "did" },
        signal: ending.signal,
        onRecorded: () =>
          void records().then((found) => {
            if (found.length >= count) ending.abort();
          }),
      });
    };
    const records = async (): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const { action, data } of client.records("audit"))
        if (action === "did") found.push(data?.["n"]);
      return found;
    };
    await produce(0);
    await live(10);
    await produce(10);
    await live(20);
    const numbers = (await records()).map(Number).toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, k) => k));
  },
);
