import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { drawPorts } from "@annals/drill";
import { BenchError, Latencies, Meter } from "@annals/load";
import { watchEvents } from "./etcdWatch.ts";
import { grpcBody, putRequest, txnRequest } from "./grpc.ts";
import { peerAppend } from "./driveCarriers.ts";
import { RECORD } from "./peer.ts";
import type { Peer, PeerAppend, PeerLoad, RunningPeer } from "./peer.ts";
import { installed, PeerProcesses } from "./peerProcesses.ts";

const IDS = ["a", "b", "c"] as const;
/** Requests on one HTTP/2 connection. */
const STREAMS_MAX = 128;
/** Puts of a transaction while the follower is away. */
const FILL_RECORDS = 500;
const run = promisify(execFile);

/** The client is h2load, which replays one gRPC call from C++: a client in Node would cost more than the servers. */
export const ETCD: Peer = {
  name: "etcd",
  durability: "Raft, flushed on a quorum",
  available: () => {
    const client = installed("h2load", ["--version"], /nghttp2\/([\d.]+)/);
    return client.kind === "missing"
      ? client
      : installed("etcd", ["--version"], /etcd Version: (\S+)/);
  },
  start: async (directory, signal) => {
    const clients = await drawPorts(IDS);
    const peers = await drawPorts(IDS);
    const cluster = IDS.map((id) => `${id}=http://${peers.get(id)}`).join(",");
    const processes = new PeerProcesses(
      directory,
      IDS.map((id) => ({
        id,
        address: clients.get(id) ?? "",
        program: "etcd",
        args: Object.entries({
          name: id,
          "data-dir": join(directory, id),
          "listen-client-urls": `http://${clients.get(id)}`,
          "advertise-client-urls": `http://${clients.get(id)}`,
          "listen-peer-urls": `http://${peers.get(id)}`,
          "initial-advertise-peer-urls": `http://${peers.get(id)}`,
          "initial-cluster": cluster,
          "initial-cluster-state": "new",
          "quota-backend-bytes": String(8 * 2 ** 30),
          "max-txn-ops": "1024",
          "max-request-bytes": String(4 * 2 ** 20),
        }).flatMap(([name, value]) => [`--${name}`, value]),
      })),
    );
    const etcd = new RunningEtcd(processes, clients, directory);
    try {
      processes.startAll();
      await etcd.leader(signal);
      return etcd;
    } catch (error) {
      await etcd.close();
      throw error;
    }
  },
};

class RunningEtcd implements RunningPeer {
  readonly nodes: RunningPeer["nodes"];
  readonly #processes: PeerProcesses;
  readonly #clients: ReadonlyMap<string, string>;
  readonly #directory: string;
  /** What the follower had missed. */
  #filled = { fromRevision: 1, records: 0 };

  constructor(processes: PeerProcesses, clients: ReadonlyMap<string, string>, directory: string) {
    this.#processes = processes;
    this.#clients = clients;
    this.#directory = directory;
    this.nodes = IDS.map((id) => ({
      id,
      address: clients.get(id) ?? "",
      pid: () => processes.pid(id),
    }));
  }

  async append(load: PeerLoad): Promise<PeerAppend> {
    const leader = await this.leader(load.signal);
    await this.#load(leader, load, ["-D", `${Math.ceil(load.warmUpMs / 1000)}`]);
    const meter = new Meter(this.nodes, "");
    try {
      const [revision, own] = [await this.#revision(leader), childrenCpuSeconds()];
      meter.begin();
      const seconds = Math.ceil(load.durationMs / 1000);
      const latencies = await this.#load(leader, load, ["-D", String(seconds)]);
      const processes = await meter.end();
      const client = childrenCpuSeconds() - own;
      // A put or a transaction is one revision: what was answered with an error is none.
      const requests = (await this.#revision(leader)) - revision;
      const use = processes.map((one) =>
        one.role === "client" ? { ...one, cpuSeconds: client } : one,
      );
      return peerAppend(requests * load.recordsPerRequest, seconds, latencies.summary(), use);
    } finally {
      meter.close();
    }
  }

  async catchUp(records: number, signal: AbortSignal): Promise<number> {
    const leader = await this.leader(signal);
    const follower = IDS.find((id) => id !== leader) ?? "";
    await this.#processes.kill(follower);
    const before = await this.#revision(leader);
    const load = {
      recordsPerRequest: FILL_RECORDS,
      inFlight: 8,
      warmUpMs: 0,
      durationMs: 0,
      signal,
    };
    await this.#load(leader, load, ["-n", String(Math.ceil(records / FILL_RECORDS))]);
    const wanted = await this.#revision(leader);
    this.#filled = { fromRevision: before + 1, records: (wanted - before) * FILL_RECORDS };
    const began = performance.now();
    this.#processes.start(follower);
    await this.#processes.until("the follower", signal, async () =>
      (await this.#revision(follower)) >= wanted ? true : undefined,
    );
    return (this.#filled.records * 1000) / (performance.now() - began);
  }

  /** A watch from the first revision of what the follower had missed. */
  async replay(signal: AbortSignal): Promise<number> {
    const leader = await this.leader(signal);
    const address = this.#clients.get(leader) ?? "";
    const { fromRevision, records } = this.#filled;
    const began = performance.now();
    await watchEvents(address, { from: "audit/", to: "audit0", fromRevision }, records, signal);
    return (records * 1000) / (performance.now() - began);
  }

  close(): Promise<void> {
    return this.#processes.close();
  }

  leader(signal: AbortSignal): Promise<string> {
    return this.#processes.until("a leader", signal, async () => {
      for (const id of IDS) if ((await this.#metric(id, "etcd_server_is_leader")) === 1) return id;
      return undefined;
    });
  }

  /** One run of the client; how long each call took. */
  async #load(
    leader: string,
    { recordsPerRequest, inFlight, signal }: PeerLoad,
    extent: readonly string[],
  ): Promise<Latencies> {
    const puts = Array.from({ length: recordsPerRequest }, (_, k) =>
      putRequest(`audit/${String(k).padStart(12, "0")}`, RECORD),
    );
    const [only = Buffer.alloc(0)] = puts;
    const message = puts.length === 1 ? only : txnRequest(puts);
    const [body, log] = [join(this.#directory, "body"), join(this.#directory, "calls")];
    writeFileSync(body, grpcBody(message));
    writeFileSync(log, "");
    const connections = Math.ceil(inFlight / STREAMS_MAX);
    const url = `http://${this.#clients.get(leader)}/etcdserverpb.KV/${puts.length === 1 ? "Put" : "Txn"}`;
    const args = [
      "-c",
      String(connections),
      "-m",
      String(Math.ceil(inFlight / connections)),
      "-t",
      "1",
    ];
    const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    await run("h2load", [...extent, ...args, "-d", body, ...headers, `--log-file=${log}`, url], {
      signal,
    });
    const latencies = new Latencies();
    for (const line of readFileSync(log, "latin1").split("\n")) {
      const [, status, us] = line.split("\t");
      if (status === "200") latencies.add(Number(us) / 1000);
    }
    return latencies;
  }

  async #revision(id: string): Promise<number> {
    const revision = await this.#metric(id, "etcd_debugging_mvcc_current_revision");
    if (revision === undefined)
      throw new BenchError("ERR_BENCH_CLUSTER", `etcd ${id} does not tell its revision`);
    return revision;
  }

  async #metric(id: string, name: string): Promise<number | undefined> {
    const text = await (await fetch(`http://${this.#clients.get(id)}/metrics`)).text();
    const found = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  }
}

/** CPU of the processes that this one has started and that have ended. */
function childrenCpuSeconds(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
