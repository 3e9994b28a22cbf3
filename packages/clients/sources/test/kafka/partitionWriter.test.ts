// Goal: each message of a partition is recorded once and in order, whenever the source dies, answers are lost, or two processes believe that
// the partition is theirs. Method: a real server over a log in memory; writers that are thrown away at any time and begin at old offsets.
import { AnnalsClient, ClientError } from "@annals/client";
import { MemoryService, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SourceMessage } from "../../src/kafka/message.ts";
import { PartitionWriter, TAKEOVER_ACTION } from "../../src/kafka/partitionWriter.ts";
import { StateCache } from "../../src/stateCache.ts";

let service: MemoryService;
let server: TestServer;
let client: AnnalsClient;

beforeEach(async () => {
  service = new MemoryService();
  server = await startTestServer({}, service);
  client = new AnnalsClient({ urls: [server.url], retryForMs: 2_000 });
});

afterEach(async () => {
  client.close();
  await server.close();
});

/** Offsets rise with gaps, as after a compaction. */
function messages(count: number, value = '{"user":"ada"}'): SourceMessage[] {
  return Array.from({ length: count }, (_, k) => ({
    topic: "t",
    partition: 0,
    offset: BigInt(k * 3),
    key: undefined,
    value: Buffer.from(value),
    headers: {},
    timestampMs: 0,
  }));
}

function writer(log = "audit", requestRecords = 4): PartitionWriter {
  const mapping = { actor: { id: "{value.user}" }, action: "did" };
  const states = new StateCache(1000);
  const partition = { group: "g", topic: "t", partition: 0 } as const;
  return new PartitionWriter({ client, log, ...partition, mapping, states, requestRecords });
}

async function ids(log = "audit"): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for await (const { id, action } of client.records(log))
    if (action !== TAKEOVER_ACTION) found.push(id);
  return found;
}

const idsOf = (of: readonly SourceMessage[]): string[] => of.map(({ offset }) => `t/0/${offset}`);

test("records everything in order, and what is delivered again not at all", async () => {
  const all = messages(40);
  const first = writer("audit", 100);
  await first.append(all.slice(0, 30));
  await first.append(all.slice(20));
  await writer().append(all);
  expect(await ids()).toEqual(idsOf(all));
});

test("whenever it dies, each is there once", async () => {
  let run = 0;
  const all = messages(20);
  // A part of the messages, from an offset that was committed or not, and the append after whose storing the process dies.
  const life = fc.record({
    from: fc.nat(19),
    count: fc.integer({ min: 1, max: 20 }),
    dies: fc.option(fc.nat(4), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(life, { maxLength: 6 }), async (lives) => {
      const log = `log-${++run}`;
      await service.createLog(log);
      let committed = 0;
      for (const { from, count, dies } of lives) {
        let left = dies ?? Number.POSITIVE_INFINITY;
        service.afterAppend = () => {
          if (left-- === 0) throw new ClientError("ERR_DIED", "the answer is lost");
        };
        // Kafka goes on at the offset that was committed last: nothing before it is missing.
        const start = Math.min(from, committed);
        const part = all.slice(start, Math.max(committed, start) + count);
        const done = await writer(log)
          .append(part)
          .then(
            () => true,
            () => false,
          );
        if (done) committed = Math.max(committed, start + part.length);
      }
      service.afterAppend = () => {};
      await writer(log).append(all.slice(committed));
      expect(await ids(log)).toEqual(idsOf(all));
    }),
    { numRuns: 20 },
  );
});

test("a process that lost the partition records nothing any more", async () => {
  const all = messages(12);
  const [one, two] = [writer(), writer()];
  await one.append(all.slice(0, 2));
  await two.append(all.slice(0, 4));
  await expect(one.append(all.slice(2, 8))).rejects.toBeInstanceOf(ClientError);
  await two.append(all.slice(4));
  expect(await ids()).toEqual(idsOf(all));
});

test("what the one before records while the partition is taken over is known", async () => {
  const all = messages(10);
  const [one, two] = [writer(), writer()];
  await one.append(all.slice(0, 2));
  let late: Promise<void> | undefined;
  service.beforeAppend = async (_log, { body }) => {
    if (late !== undefined || !Buffer.from(body).includes(TAKEOVER_ACTION)) return;
    // It was on its way when the new owner looked how far the partition is.
    late = one.append(all.slice(2, 5));
    await late;
  };
  await two.append(all.slice(2));
  expect(await ids()).toEqual(idsOf(all));
  // A third one, that finds two takeovers in a row at the end.
  await writer().append(all.slice(5));
  await writer().append(all.slice(5));
  expect(await ids()).toEqual(idsOf(all));
});

test("a record that the log refuses is recorded as unmapped, and the rest goes on", async () => {
  const all = messages(5);
  const bad = all[2];
  if (bad === undefined) throw new RangeError("there are five");
  service.beforeAppend = (_log, { body }) => {
    const text = Buffer.from(body).toString();
    if (text.includes("t/0/6") && !text.includes("kafka.unmapped"))
      throw new ClientError("ERR_RECORD_SCHEMA", "data is not what the schema says");
  };
  await writer("audit").append(all);
  expect(await ids()).toEqual(idsOf(all));
  // Behind the takeover.
  expect(await client.get("audit", 4)).toMatchObject({
    action: "kafka.unmapped",
    data: { reason: "ERR_RECORD_SCHEMA" },
  });
});
