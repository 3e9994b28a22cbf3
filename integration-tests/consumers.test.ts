/**
 * Goal: three consumers of a group with two lanes get every record at least once, in the order of its lane, and nothing that was committed
 * comes again, through the deaths of a consumer and of the leader. Method: all are processes that are killed with -9 under load.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import type { ConsumerLine } from "./support/consumer.ts";
import { exitOf } from "./support/program.ts";

const RECORDS = 10_000;
const PER_REQUEST = 50;

class Consumer {
  readonly lines: ConsumerLine[] = [];
  readonly #child: ChildProcess;

  constructor(urls: readonly string[]) {
    const script = join(import.meta.dirname, "support/consumer.ts");
    const args = [script, "audit", "mailer", ...urls];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let rest = "";
    this.#child.stdout?.on("data", (bytes: Buffer) => {
      const texts = `${rest}${bytes.toString("utf8")}`.split("\n");
      // A process that was killed may have said half a line.
      rest = texts.pop() ?? "";
      this.lines.push(...texts.map((text) => JSON.parse(text) as ConsumerLine));
    });
  }

  given(lane: number): readonly number[] {
    return this.lines
      .filter((line) => line.kind === "given" && line.lane === lane)
      .flatMap(({ seqs }) => seqs);
  }

  get busy(): boolean {
    return this.lines.length > 20;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await exitOf(this.#child);
  }
}

let cluster: TestCluster;
const consumers: Consumer[] = [];

afterEach(async (context) => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.kill()));
  await cluster.closeAfter(context);
});

it("get every record at least once and in order, though consumers and the leader die", async () => {
  cluster = await TestCluster.start({ config: "groups: { lease: 2s }\n" });
  await cluster.untilReady();
  const client = cluster.client(...cluster.ids);
  const urls = cluster.ids.map((id) => cluster.url(id));
  for (let k = 0; k < 3; k++) consumers.push(new Consumer(urls));
  const load = append();
  // One of the two that have a lane dies: the third one takes its place.
  const victim = await until(() => consumers.find(({ busy }) => busy));
  await victim.kill();
  const rest = consumers.filter((consumer) => consumer !== victim);
  await until(() => rest.every(({ busy }) => busy));
  const leader = await cluster.leader("audit");
  await cluster.kill(leader);
  cluster.spawn(leader);
  await load;
  await until(async () => {
    const group = await client.groups("audit").get("mailer");
    return group.lag === 0 ? group : undefined;
  });
  const lines = consumers.flatMap((consumer) => consumer.lines);
  for (const lane of [0, 1]) {
    const own: number[] = [];
    for await (const { seq } of client.records("audit", { lane: `${lane}/2`, limit: 10_000 }))
      own.push(seq);
    const given = new Set(consumers.flatMap((consumer) => [...consumer.given(lane)]));
    expect([...given].toSorted((a, b) => a - b)).toEqual(own);
    judge(
      lines.filter((line) => line.lane === lane),
      own,
    );
  }
});

/** Each holder was given a run of the lane without a gap, which begins behind everything that was committed before it. */
function judge(lines: readonly ConsumerLine[], lane: readonly number[]): void {
  const tokens = [...new Set(lines.map(({ token }) => token))].toSorted((a, b) => a - b);
  let committed = 0;
  for (const token of tokens) {
    const of = (kind: ConsumerLine["kind"]): readonly number[] =>
      lines
        .filter((line) => line.token === token && line.kind === kind)
        .flatMap(({ seqs }) => seqs);
    const given = of("given");
    const first = lane.indexOf(given[0] ?? 0);
    expect(given).toEqual(lane.slice(first, first + given.length));
    expect(given[0]).toBeGreaterThan(committed);
    for (const seq of of("committed")) {
      expect(seq).toBeLessThan(lane[first + given.length] ?? Infinity);
      committed = Math.max(committed, seq);
    }
  }
}

/** Each record of one of ten actors. */
async function append(): Promise<void> {
  const client = cluster.client(...cluster.ids);
  const producer = client.orderedProducer("audit", {
    id: "load",
    epoch: 1,
    nextSequence: 1,
    window: 4,
  });
  const answers: Promise<unknown>[] = [];
  for (let sent = 0; sent < RECORDS; sent += PER_REQUEST) {
    await producer.ready();
    const records = Array.from({ length: PER_REQUEST }, (_, k) => ({
      actor: { id: `actor-${k % 10}` },
      action: "test.record",
    }));
    const bytes = new TextEncoder().encode(JSON.stringify(records));
    answers.push(producer.append({ contentType: "application/json", bytes }));
  }
  await Promise.all(answers);
}
