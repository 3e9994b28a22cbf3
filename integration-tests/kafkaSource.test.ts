/**
 * Goal: `annals source run` records each message once, over TLS and SASL, whoever is killed. Method: the built command follows a broker, the
 * mock cluster of librdkafka behind a gate that speaks TLS and SASL for it, into three nodes; it is killed with -9 in the middle, the leader,
 * too; another one goes on. Skipped where kcat or openssl is not installed.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BrokerGate,
  MockBroker,
  throwAwayCertificate,
  whyNoBroker,
  whyNoCertificate,
} from "@annals/doubles";
import { afterEach, describe, expect, it } from "vitest";
import { ENTRY, TestCluster, until } from "./support/cluster.ts";
import { exitOf } from "./support/program.ts";

const MESSAGES = 2_000;
const PASSWORD = "correct horse";
const why = whyNoBroker() ?? whyNoCertificate();

describe.skipIf(why !== undefined)(`a broker${why === undefined ? "" : `: ${why}`}`, () => {
  let cluster: TestCluster;
  let broker: MockBroker | undefined;
  let gate: BrokerGate | undefined;
  let source: ChildProcess | undefined;
  /** What sources print to stderr. */
  let said = "";

  afterEach(async (context) => {
    source?.kill("SIGKILL");
    await gate?.close();
    broker?.close();
    await cluster.closeAfter(context);
  });

  function produce(address: string, from: number, count: number): void {
    const input = Array.from(
      { length: count },
      (_, k) => `k${k % 20}|{"user":"ada","n":${from + k}}`,
    );
    const args = ["-b", address, "-P", "-t", "t", "-K", "|"];
    const { status, stderr } = spawnSync("kcat", args, { input: `${input.join("\n")}\n` });
    if (status !== 0) throw new Error(`kcat: ${stderr.toString()}`);
  }

  function run(file: string): ChildProcess {
    const started = spawn(process.execPath, [ENTRY, "source", "run", file], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, KAFKA_PASSWORD: PASSWORD },
    });
    started.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    return started;
  }

  it("has each of its messages on record once, although source and leader are killed", {
    timeout: 240_000,
  }, async () => {
    cluster = await TestCluster.start();
    const certificate = throwAwayCertificate();
    broker = await MockBroker.start();
    gate = await BrokerGate.open({
      brokerPort: broker.port,
      tls: certificate,
      sasl: { mechanism: "SCRAM-SHA-512", user: "annals", password: PASSWORD },
    });
    const file = join(cluster.directory, "sources.yaml");
    const ca = join(cluster.directory, "ca.pem");
    await writeFile(ca, certificate.cert);
    await writeFile(
      file,
      `url: [${cluster.ids.map((id) => cluster.url(id)).join(", ")}]
listen: 127.0.0.1:0
sources:
  orders:
    from:
      kafka:
        brokers: ["127.0.0.1:${gate.port}"]
        tls: { ca: "${ca}" }
        sasl: { mechanism: scram-sha-512, user: annals, passwordEnv: KAFKA_PASSWORD }
        sessionTimeout: 6s
        topics: [t]
    record: { actor: { id: "{value.user}" }, action: did }
`,
    );
    await cluster.untilReady();
    const lastSeq = async (): Promise<number> => {
      const [running = ""] = cluster.running();
      const audit = (await cluster.status(running))?.logs.find(({ name }) => name === "audit");
      return audit?.lastSeq ?? 0;
    };

    produce(broker.address, 0, MESSAGES / 2);
    source = run(file);
    await until(async () => (await lastSeq()) > 0);
    source.kill("SIGKILL");
    await exitOf(source);
    produce(broker.address, MESSAGES / 2, MESSAGES / 2);
    source = run(file);
    const leader = await cluster.leader("audit");
    await cluster.kill(leader);
    cluster.spawn(leader);
    await until(async () => (await lastSeq()) >= MESSAGES);
    const [first = ""] = cluster.ids;
    await cluster.untilReady();
    const numbers = async (): Promise<readonly number[]> => {
      await cluster.untilConverged();
      const records = await cluster.localRecords(first);
      const messages = records.filter(({ action }) => action === "did");
      return messages.map(({ data }) => Number(data?.["n"])).toSorted((a, b) => a - b);
    };
    await until(async () => (await numbers()).length >= MESSAGES);
    source.kill("SIGTERM");
    expect(await exitOf(source)).toBe(0);
    expect(await numbers()).toEqual(Array.from({ length: MESSAGES }, (_, k) => k));
    expect(gate.admitted).toBeGreaterThan(1);
    expect(said).toMatch(/^running 1 source, on 127\.0\.0\.1:\d+$/m);
    expect(said).not.toMatch(/Warning|^ +at /m);
  });
});
