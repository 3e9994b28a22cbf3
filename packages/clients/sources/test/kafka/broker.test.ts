// Goal: the source works with a broker, also with one that wants TLS and SASL: it joins its group, records, commits offsets behind the quorum,
// and goes on there. Method: the mock cluster of librdkafka, which kcat starts, behind a gate that speaks TLS and SASL for it, and a server
// over a log in memory. Skipped where kcat or openssl is not installed.
import { AnnalsClient } from "@annals/client";
import {
  BrokerGate,
  MockBroker,
  throwAwayCertificate,
  whyNoBroker,
  whyNoCertificate,
} from "@annals/doubles";
import type { BrokerGateOptions, Certificate } from "@annals/doubles";
import { MemoryService, startTestServer } from "@annals/fake-server";
import kafkajs from "kafkajs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KafkaSource } from "../../src/kafka/kafkaSource.ts";
import type { KafkaSecurity } from "../../src/kafka/security.ts";

const USER = { user: "annals", password: "correct horse" };
const MAPPING = { actor: { id: "{value.user}" }, action: "did" };
const why = whyNoBroker() ?? whyNoCertificate();

describe.skipIf(why !== undefined)(`a broker${why === undefined ? "" : `: ${why}`}`, () => {
  const close: (() => unknown)[] = [];
  let client: AnnalsClient;
  let broker: MockBroker;
  let certificate: Certificate;

  beforeEach(async () => {
    broker = await MockBroker.start();
    close.push(() => broker.close());
    const server = await startTestServer({}, new MemoryService());
    client = new AnnalsClient({ urls: [server.url] });
    close.push(
      () => server.close(),
      () => client.close(),
    );
    certificate = throwAwayCertificate();
  });

  afterEach(async () => {
    for (const one of close.splice(0).toReversed()) await one();
  });

  async function gateOf(options: Omit<BrokerGateOptions, "brokerPort">): Promise<BrokerGate> {
    const gate = await BrokerGate.open({ brokerPort: broker.port, ...options });
    close.push(() => gate.close());
    return gate;
  }

  /** Messages for the mock itself, past any gate. */
  async function producer(): Promise<(from: number) => Promise<void>> {
    const brokers = [broker.address];
    const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
    const made = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await made.connect();
    close.push(() => made.disconnect());
    return async (from) => {
      const messages = Array.from({ length: 10 }, (_, k) => ({
        key: `k${k}`,
        value: JSON.stringify({ user: "ada", n: from + k }),
      }));
      await made.send({ topic: "t", messages });
    };
  }

  async function recorded(): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const { action, data } of client.records("audit"))
      if (action === "did") found.push(Number(data?.["n"]));
    return found.toSorted((a, b) => a - b);
  }

  /** Runs until so many messages are recorded. */
  async function live(address: string, count: number, security: KafkaSecurity = {}): Promise<void> {
    const ending = new AbortController();
    const source = new KafkaSource({
      name: "orders",
      client,
      cluster: "c",
      log: "audit",
      brokers: [address],
      group: "annals",
      topics: ["t"],
      mapping: MAPPING,
      sessionTimeoutMs: 6_000,
      ...security,
    });
    const running = source.run(ending.signal);
    const isOver = running.then(
      () => true,
      () => true,
    );
    const until = async (): Promise<boolean> => (await recorded()).length >= count;
    await Promise.race([isOver, vi.waitUntil(until, { timeout: 60_000, interval: 50 })]);
    ending.abort();
    await running;
  }

  test("messages are recorded once, over two lives of the source", {
    timeout: 180_000,
  }, async () => {
    const produce = await producer();
    await produce(0);
    await live(broker.address, 10);
    await produce(10);
    await live(broker.address, 20);
    expect(await recorded()).toEqual(Array.from({ length: 20 }, (_, k) => k));
  });

  test.each([
    ["plain", "PLAIN"],
    ["scram-sha-256", "SCRAM-SHA-256"],
    ["scram-sha-512", "SCRAM-SHA-512"],
  ] as const)("over TLS, with %s", { timeout: 120_000 }, async (mechanism, name) => {
    const gate = await gateOf({ tls: certificate, sasl: { mechanism: name, ...USER } });
    const produce = await producer();
    await produce(0);
    const tls = { ca: certificate.cert };
    await live(`127.0.0.1:${gate.port}`, 10, { tls, sasl: { mechanism, ...USER } });
    expect(await recorded()).toEqual(Array.from({ length: 10 }, (_, k) => k));
    expect(gate.admitted).toBeGreaterThan(0);
  });

  test.each([
    ["a password", "scram-sha-512", { ...USER, password: "battery" }],
    ["a user", "scram-sha-512", { ...USER, user: "eve" }],
    ["a mechanism", "scram-sha-256", USER],
  ] as const)("refuses %s that is not the one", async (_what, mechanism, user) => {
    const gate = await gateOf({ sasl: { mechanism: "SCRAM-SHA-512", ...USER } });
    const lived = live(`127.0.0.1:${gate.port}`, 1, { sasl: { mechanism, ...user } });
    await expect(lived).rejects.toMatchObject({ code: "ERR_SOURCE_REFUSED" });
    expect(gate.admitted).toBe(0);
  });

  test("a broker whose certificate nobody vouches for is none", { timeout: 120_000 }, async () => {
    const gate = await gateOf({ tls: certificate });
    const lived = live(`127.0.0.1:${gate.port}`, 1, { tls: {} });
    await expect(lived).rejects.toMatchObject({
      code: "ERR_SOURCE_UNREACHABLE",
      message: expect.stringMatching(/self.signed/),
    });
  });
});
