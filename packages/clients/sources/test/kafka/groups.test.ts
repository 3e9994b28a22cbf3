// Goal: sources of one Kafka group share the work if they feed the same, and are refused by name if not; a rebalance ends none of them. Method:
// the mock cluster of librdkafka behind a gate that coordinates groups by the rules of Kafka's own coordinator, and without it. Skipped where
// kcat is not installed.
import { AnnalsClient } from "@annals/client";
import { BrokerGate, GroupCoordinator, MockBroker, whyNoBroker } from "@annals/doubles";
import { MemoryService, startTestServer } from "@annals/fake-server";
import kafkajs from "kafkajs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KafkaSource } from "../../src/kafka/kafkaSource.ts";
import type { KafkaSourceOptions } from "../../src/kafka/kafkaSource.ts";

const MAPPING = { actor: { id: "{value.user}" }, action: "did" };
const GROUP = "annals.orders";
const why = whyNoBroker();
const WAIT = { timeout: 60_000, interval: 20 };

describe.skipIf(why !== undefined)(`a group${why === undefined ? "" : `: ${why}`}`, () => {
  const close: (() => unknown)[] = [];
  let service: MemoryService;
  let client: AnnalsClient;
  let broker: MockBroker;
  let groups: GroupCoordinator;
  let address: string;
  let ending: AbortController;

  beforeEach(async () => {
    broker = await MockBroker.start();
    await coordinate();
    service = new MemoryService();
    await service.createLog("other");
    const server = await startTestServer({}, service);
    client = new AnnalsClient({ urls: [server.url] });
    ending = new AbortController();
    close.push(
      () => broker.close(),
      () => server.close(),
      () => client.close(),
    );
  });

  afterEach(async () => {
    ending.abort();
    for (const one of close.splice(0).toReversed()) await one();
  });

  async function coordinate(options: { readonly admitsAll?: boolean } = {}): Promise<void> {
    const made = new GroupCoordinator(options);
    const gate = await BrokerGate.open({ brokerPort: broker.port, groups: made });
    close.push(
      () => gate.close(),
      () => made.close(),
    );
    groups = made;
    address = `127.0.0.1:${gate.port}`;
  }

  function source(options: Partial<KafkaSourceOptions> = {}): KafkaSource {
    return new KafkaSource({
      name: "orders",
      client,
      cluster: "c",
      log: "audit",
      brokers: [address],
      group: GROUP,
      topics: ["t"],
      mapping: MAPPING,
      sessionTimeoutMs: 6_000,
      ...options,
    });
  }

  /** In the background; the test's end waits for it. */
  function run(one: KafkaSource, signal: AbortSignal = ending.signal): Promise<void> {
    const running = one.run(signal);
    close.push(() => running.catch(() => undefined));
    return running;
  }

  async function produce(from: number, count: number, topic = "t"): Promise<void> {
    const kafka = new kafkajs.Kafka({
      brokers: [broker.address],
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const made = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await made.connect();
    const messages = Array.from({ length: count }, (_, k) => ({
      key: `k${k}`,
      value: JSON.stringify({ user: "ada", n: from + k }),
    }));
    await made.send({ topic, messages });
    await made.disconnect();
  }

  async function recorded(log = "audit"): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const { action, data } of client.records(log))
      if (action === "did") found.push(Number(data?.["n"]));
    return found.toSorted((a, b) => a - b);
  }

  async function untilRecorded(count: number): Promise<void> {
    await vi.waitUntil(async () => (await recorded()).length >= count, WAIT);
    expect(await recorded()).toEqual(Array.from({ length: count }, (_, k) => k));
  }

  test("two sources that feed the same share the partitions, and each lives through what the other does", {
    timeout: 180_000,
  }, async () => {
    await produce(0, 40);
    const [one, two] = [source(), source()];
    const leaving = new AbortController();
    void run(one).catch(() => undefined);
    const second = run(two, leaving.signal);
    await vi.waitUntil(
      () => [one, two].every(({ status }) => status.parts.length > 0) && one.status.rebalances > 0,
      WAIT,
    );
    const shared = [one, two].flatMap(({ status }) => status.parts.map(({ part }) => part));
    expect(new Set(shared).size).toBe(shared.length);
    await untilRecorded(40);
    await produce(40, 40);
    await untilRecorded(80);
    leaving.abort();
    await second;
    await vi.waitUntil(() => one.status.parts.length === shared.length, WAIT);
    await produce(80, 40);
    await untilRecorded(120);
    expect(one.status).toMatchObject({ state: "running", retries: 0 });
    expect(one.status.records + two.status.records).toBe(120);
  });

  test("a member that is put out between an append and its commit goes on, and records nothing twice", {
    timeout: 180_000,
  }, async () => {
    await produce(0, 400);
    let left = 5;
    service.afterAppend = () => {
      if (left-- > 0) groups.evict(GROUP);
    };
    const one = source();
    void run(one).catch(() => undefined);
    await untilRecorded(400);
    await vi.waitUntil(() => one.status.rebalances > 1, WAIT);
    await produce(400, 40);
    await untilRecorded(440);
    expect(one.status).toMatchObject({ state: "running", retries: 0 });
  });

  test.each([
    ["other topics", { topics: ["u"] }, /reads topics t/],
    [
      "another mapping",
      { mapping: { ...MAPPING, action: "made" } },
      /maps messages in another way/,
    ],
    ["another log", { log: "other" }, /feeds log audit/],
    ["another cluster", { cluster: "d" }, /feeds cluster c/],
  ] as const)(
    "%s: the second source is refused, and the first one has everything",
    {
      timeout: 120_000,
    },
    async (_what, options, says) => {
      await produce(0, 20);
      await produce(0, 1, "u");
      const one = source();
      void run(one).catch(() => undefined);
      await untilRecorded(20);
      const two = source(options);
      const refusal = { code: "ERR_SOURCE_GROUP", message: expect.stringMatching(says) };
      await expect(two.test()).rejects.toMatchObject(refusal);
      await expect(run(two)).rejects.toMatchObject(refusal);
      expect(two.status).toMatchObject({ state: "failed", records: 0 });
      await produce(20, 20);
      await untilRecorded(40);
      expect(one.status.state).toBe("running");
    },
  );

  test("of two that join at once and feed different logs one is refused", {
    timeout: 120_000,
  }, async () => {
    await produce(0, 20);
    const sources = [source(), source({ log: "other" })];
    const outcomes = sources.map((one) => run(one).catch((error: unknown) => error));
    expect(await Promise.race(outcomes)).toMatchObject({ code: "ERR_SOURCE_GROUP" });
    const alive = sources.find(({ status }) => status.state !== "failed");
    await vi.waitUntil(() => alive?.status.records === 20, WAIT);
  });

  test("brokers that let in whoever comes: the second one refuses itself", {
    timeout: 120_000,
  }, async () => {
    await coordinate({ admitsAll: true });
    await produce(0, 20);
    const one = source();
    void run(one).catch(() => undefined);
    await untilRecorded(20);
    const refused = { code: "ERR_SOURCE_GROUP" };
    await expect(run(source({ log: "other" }))).rejects.toMatchObject(refused);
    await produce(20, 20);
    await untilRecorded(40);
  });

  test("a group of somebody else's consumer is refused, and who that is", {
    timeout: 120_000,
  }, async () => {
    await produce(0, 20);
    const kafka = new kafkajs.Kafka({
      clientId: "billing",
      brokers: [address],
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const consumer = kafka.consumer({ groupId: GROUP, sessionTimeout: 6_000 });
    close.push(() => consumer.disconnect());
    const joined = new Promise<void>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, () => resolve());
    });
    await consumer.connect();
    await consumer.subscribe({ topics: ["t"] });
    await consumer.run({ eachMessage: async () => undefined });
    await joined;
    await expect(run(source())).rejects.toMatchObject({
      code: "ERR_SOURCE_GROUP",
      message: expect.stringMatching(/billing at 127\.0\.0\.1 is no source of Annals/),
    });
  });

  test("what a group without members fed before is said, and the source goes on there", {
    timeout: 120_000,
  }, async () => {
    await produce(0, 20);
    const leaving = new AbortController();
    const first = run(source(), leaving.signal);
    await untilRecorded(20);
    leaving.abort();
    await first;
    const notes: string[] = [];
    const again = new AbortController();
    const same = run(source({ note: (text) => notes.push(text) }), again.signal);
    await produce(20, 20);
    await untilRecorded(40);
    again.abort();
    await same;
    expect(notes).toEqual([]);
    const mapping = { ...MAPPING, targets: [{ id: "{key}" }] };
    void run(source({ mapping, note: (text) => notes.push(text) })).catch(() => undefined);
    await produce(40, 20);
    await untilRecorded(60);
    expect(notes).toEqual([
      expect.stringMatching(/maps messages in another way.*goes on behind it/),
    ]);
  });
});
