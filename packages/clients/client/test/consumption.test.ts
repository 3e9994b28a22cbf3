// Goal: consumers of a group are given every record at least once, in the order of its lane, and what is committed stays so, whatever
// happens to connections, nodes and consumers. Method: real servers over one log in memory with the real desk of groups.
import { MemoryGroups, MemoryService, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { laneOf } from "@annals/record";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AnnalsClient } from "../src/annalsClient.ts";
import type { ConsumedBatch, ConsumeOptions } from "../src/types.ts";

let service: MemoryService;
let groups: MemoryGroups;
let servers: TestServer[];
let client: AnnalsClient;

beforeEach(async () => {
  service = new MemoryService();
  groups = new MemoryGroups(service, 300);
  servers = [await startTestServer({}, service), await startTestServer({}, service)];
  client = new AnnalsClient({ urls: servers.map(({ url }) => url), retryForMs: 10_000 });
});

afterEach(async () => {
  client.close();
  await Promise.all(servers.map((server) => server.close()));
});

/** Records whose actors are `k0` to `k6`, in turn. */
async function append(count: number): Promise<void> {
  const before = service.lastSeq("audit");
  const records = Array.from({ length: count }, (_, k) => ({
    actor: { id: `k${(before + k) % 7}` },
    action: "a",
  }));
  await service.append("audit", {
    contentType: "application/json",
    body: Buffer.from(JSON.stringify(records)),
    producer: undefined,
    timeoutMs: 1000,
  });
}

function breakConnections(): void {
  for (const { sockets } of servers) for (const socket of sockets) socket.destroy();
}

function seqsOf(batch: ConsumedBatch | undefined): number[] {
  return batch?.records.map(({ seq }) => seq) ?? [];
}

async function nextOf(batches: AsyncGenerator<ConsumedBatch, void>): Promise<ConsumedBatch> {
  const { value } = await batches.next();
  if (value === undefined) throw new Error("the consumer has ended");
  return value;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, k) => from + k);

test("goes on where it was committed; what was not comes again", async () => {
  await append(5);
  const first = client.consume("audit", "g", { lanes: 1, maxUnacked: 3 });
  const batch = await nextOf(first);
  expect(batch).toMatchObject({ lane: 0, lanes: 1, to: 3 });
  expect(seqsOf(batch)).toEqual([1, 2, 3]);
  await batch.commit();
  expect(groups.positions("g")).toEqual([3]);
  expect(seqsOf(await nextOf(first))).toEqual([4, 5]);
  await first.return();
  const second = client.consume("audit", "g");
  const again = await nextOf(second);
  expect(seqsOf(again)).toEqual([4, 5]);
  expect(again.token).toBeGreaterThan(batch.token);
  await second.return();
});

test("a consumer that commits nothing is given no more than it may have", async () => {
  await append(100);
  const batches = client.consume("audit", "g", { lanes: 1, maxUnacked: 10 });
  const given: ConsumedBatch[] = [];
  while (given.reduce((sum, { records }) => sum + records.length, 0) < 10)
    given.push(await nextOf(batches));
  const rest = nextOf(batches);
  await append(1);
  const read = service.reads.filter(({ format }) => format === "ndjson");
  expect(read.reduce((sum, { limit }) => sum + limit, 0)).toBe(10);
  await given.at(-1)?.commit();
  expect(seqsOf(await rest)[0]).toBe(11);
  await batches.return();
});

test("a commit of a lane that was lost is refused, and the consumer goes on from the lane's position", async () => {
  await append(5);
  const batches = client.consume("audit", "g", { lanes: 1 });
  const batch = await nextOf(batches);
  const more = nextOf(batches);
  await groups.reset("g", 2);
  await expect(batch.commit()).rejects.toMatchObject({ code: "ERR_GROUP_FENCED" });
  expect(seqsOf(await more)).toEqual([3, 4, 5]);
  await expect(batch.commit()).rejects.toMatchObject({ code: "ERR_GROUP_FENCED" });
  expect(groups.positions("g")).toEqual([2]);
  await batches.return();
});

test("one process takes several lanes, and they are not taken from one another", async () => {
  await append(70);
  const batches = client.consume("audit", "g", { lanes: 2, hold: 2, maxUnacked: 5 });
  const seen = new Map<number, number[]>([
    [0, []],
    [1, []],
  ]);
  while ([...seen.values()].flat().length < 70) {
    const batch = await nextOf(batches);
    seen.get(batch.lane)?.push(...seqsOf(batch));
    await batch.commit();
  }
  for (const [lane, seqs] of seen)
    expect(seqs).toEqual(range(1, 70).filter((seq) => laneOf(`k${(seq - 1) % 7}`, 2) === lane));
  await batches.return();
});

test.each<[Partial<ConsumeOptions>, string]>([
  [{}, "ERR_GROUP_NOT_FOUND"],
  [{ lanes: 65 }, "ERR_PARAMETER_INVALID"],
])("%j is told what no repetition mends", async (options, code) => {
  await expect(client.consume("audit", "g", options).next()).rejects.toMatchObject({ code });
});

test("ends with its signal, also while it stands by", async () => {
  const holder = client.consume("audit", "g", { lanes: 1 });
  const held = holder.next();
  while (groups.positions("g").length === 0) await new Promise((next) => setImmediate(next));
  const abort = new AbortController();
  const waits = client.consume("audit", "g", { signal: abort.signal }).next();
  while (service.groupRequests.filter(({ op }) => op === "acquire").length < 2)
    await new Promise((next) => setImmediate(next));
  abort.abort();
  expect(await waits).toEqual({ done: true, value: undefined });
  await append(1);
  expect((await held).value?.records).toHaveLength(1);
  await holder.return();
});

test("whenever connections break, every record comes, in order, and behind what was committed only", async () => {
  await append(100);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.constantFrom("commit", "hold", "break"), { minLength: 1, maxLength: 12 }),
      async (maxUnacked, steps) => {
        const group = `g${++run}`;
        let batches = client.consume("audit", group, { lanes: 1, maxUnacked, member: "one" });
        let done = 0;
        let before = 0;
        const script = [...steps];
        for (let batch = await nextOf(batches); ; batch = await nextOf(batches)) {
          const [first = 0] = seqsOf(batch);
          // Behind the one before, or anew behind the position.
          expect([before + 1, (groups.positions(group)[0] ?? 0) + 1]).toContain(first);
          expect(seqsOf(batch)).toEqual(range(first, batch.to));
          before = batch.to;
          const step = script.shift() ?? "commit";
          if (step === "break") breakConnections();
          if (step === "hold" && batch.to < 100 && script.length > 0) {
            // It gives up, and comes again.
            await batches.return();
            batches = client.consume("audit", group, { maxUnacked, member: "one" });
            continue;
          }
          const committed = await batch.commit().then(
            () => true,
            () => false,
          );
          if (committed) done = batch.to;
          expect(groups.positions(group)[0]).toBeGreaterThanOrEqual(done);
          expect(groups.positions(group)[0]).toBeLessThanOrEqual(batch.to);
          if (done === 100) break;
        }
        await batches.return();
      },
    ),
    { numRuns: 15 },
  );
});
