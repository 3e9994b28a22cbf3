import { drawPorts } from "@annals/drill";
import { fillCarriers } from "@annals/load";
import type { Carrier } from "@annals/load";
import { driveCarriers } from "./driveCarriers.ts";
import { RECORD } from "./peer.ts";
import type { Availability, Peer, PeerAppend, PeerLoad, RunningPeer } from "./peer.ts";
import { installed, PeerProcesses } from "./peerProcesses.ts";
import { RedisConnection, RedisCarrier, respCommand } from "./redisCarrier.ts";
import type { RespValue } from "./respReader.ts";

const IDS = ["a", "b", "c"] as const;
const PAGE = 5_000;
const PRIMARY = "a";
const REPLICA = "c";

/** Streams on a primary with two replicas; the primary flushes before each reply, WAIT 1 asks for one replica's memory. */
export const REDIS: Peer = {
  name: "Redis",
  durability:
    "appendfsync always and WAIT 1: flushed by the primary, in the memory of one replica; nobody takes over by itself",
  available: (): Availability => installed("redis-server", ["--version"], /v=([\d.]+)/),
  start: async (directory, signal) => {
    const addresses = await drawPorts(IDS);
    const processes = new PeerProcesses(
      directory,
      IDS.map((id) => ({
        id,
        address: addresses.get(id) ?? "",
        program: "redis-server",
        args: redisArgs(`${directory}/${id}`, addresses.get(id) ?? "", id, addresses.get(PRIMARY)),
      })),
    );
    const redis = new RunningRedis(processes, addresses);
    try {
      processes.startAll();
      await redis.linked(signal);
      return redis;
    } catch (error) {
      await redis.close();
      throw error;
    }
  },
};

function redisArgs(
  directory: string,
  address: string,
  id: string,
  primary: string | undefined,
): readonly string[] {
  const settings = {
    port: address.split(":")[1],
    bind: "127.0.0.1",
    dir: directory,
    appendonly: "yes",
    appendfsync: "always",
    save: "",
    maxclients: "4096",
    "repl-diskless-sync": "yes",
    "repl-diskless-sync-delay": "0",
    "auto-aof-rewrite-percentage": "0",
  };
  const args = Object.entries(settings).flatMap(([name, value = ""]) => [`--${name}`, value]);
  // A replica that is far behind must not be cut off in the middle.
  args.push("--client-output-buffer-limit", "replica", "0", "0", "0");
  return id === PRIMARY ? args : [...args, "--replicaof", ...(primary ?? "").split(":")];
}

class RunningRedis implements RunningPeer {
  readonly nodes: RunningPeer["nodes"];
  readonly #processes: PeerProcesses;
  readonly #addresses: ReadonlyMap<string, string>;

  constructor(processes: PeerProcesses, addresses: ReadonlyMap<string, string>) {
    this.#processes = processes;
    this.#addresses = addresses;
    this.nodes = IDS.map((id) => ({
      id,
      address: addresses.get(id) ?? "",
      pid: () => processes.pid(id),
    }));
  }

  async append(load: PeerLoad): Promise<PeerAppend> {
    // Otherwise the streams of all workloads together would fill its memory.
    await this.#ask(PRIMARY, "XTRIM", "audit", "MAXLEN", "0");
    return driveCarriers([this.#carrier(load.inFlight, load.recordsPerRequest)], this.nodes, load);
  }

  async catchUp(records: number, signal: AbortSignal): Promise<number> {
    await this.#ask(PRIMARY, "XTRIM", "audit", "MAXLEN", "0");
    await this.#processes.kill(REPLICA);
    await fillCarriers([this.#carrier(8, 500)], records / 500, signal);
    const length = await this.#ask(PRIMARY, "XLEN", "audit");
    const began = performance.now();
    this.#processes.start(REPLICA);
    await this.#processes.until("the replica", signal, async () => {
      const info = String(await this.#ask(REPLICA, "INFO", "replication"));
      const has = await this.#ask(REPLICA, "XLEN", "audit");
      return info.includes("master_link_status:up") && has === length ? true : undefined;
    });
    return (Number(length) * 1000) / (performance.now() - began);
  }

  async replay(signal: AbortSignal): Promise<number> {
    const connection = new RedisConnection(this.#addresses.get(PRIMARY) ?? "");
    try {
      const began = performance.now();
      let count = 0;
      for (let from = "-"; ; ) {
        signal.throwIfAborted();
        const page = await connection.reply(
          respCommand("XRANGE", "audit", from, "+", "COUNT", String(PAGE)),
        );
        if (!Array.isArray(page)) throw new TypeError(`XRANGE answered ${String(page)}`);
        count += page.length;
        const last: RespValue | undefined = page.at(-1);
        if (page.length < PAGE || !Array.isArray(last)) break;
        from = `(${String(last[0])}`;
      }
      return (count * 1000) / (performance.now() - began);
    } finally {
      connection.close();
    }
  }

  close(): Promise<void> {
    return this.#processes.close();
  }

  /** Both replicas follow the primary. */
  async linked(signal: AbortSignal): Promise<void> {
    await this.#processes.until("the replicas", signal, async () => {
      const info = String(await this.#ask(PRIMARY, "INFO", "replication"));
      return [...info.matchAll(/state=online/g)].length === IDS.length - 1 ? true : undefined;
    });
  }

  #carrier(slots: number, records: number): Carrier {
    return new RedisCarrier(this.#addresses.get(PRIMARY) ?? "", slots, records, RECORD);
  }

  async #ask(id: string, ...words: readonly string[]): Promise<RespValue | undefined> {
    const connection = new RedisConnection(this.#addresses.get(id) ?? "");
    try {
      return await connection.reply(respCommand(...words));
    } finally {
      connection.close();
    }
  }
}
