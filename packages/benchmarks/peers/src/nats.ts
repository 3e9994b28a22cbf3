import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawPorts } from "@annals/drill";
import { BenchError, fillCarriers } from "@annals/load";
import { driveCarriers } from "./driveCarriers.ts";
import { NatsConnection } from "./natsConnection.ts";
import { NatsCarrier } from "./natsCarrier.ts";
import { RECORD } from "./peer.ts";
import type { Availability, Peer, PeerAppend, PeerLoad, RunningPeer } from "./peer.ts";
import { installed, PeerProcesses } from "./peerProcesses.ts";

const IDS = ["a", "b", "c"] as const;
const STREAM = "AUDIT";
const INBOX = "_INBOX.bench";
/** A request that nobody answers, as there is no leader yet, is made again. */
const ANSWER_MS = 2_000;

/** JetStream, a file stream of three replicas; `sync` is its sync_interval. `program` is the server, as several versions may be there. */
export function natsPeer(sync: "default" | "always", program: string): Peer {
  const always = sync === "always";
  return {
    name: always ? "NATS, sync always" : "NATS",
    durability: always
      ? "JetStream R3, sync_interval always: flushed on a quorum"
      : "JetStream R3, default: in the page cache of a quorum, flushed every two minutes",
    available: () => {
      const found = installed(program, ["--version"], /v([\d.]+)/);
      if (found.kind === "missing" || !always || atLeast(found.version, 2, 10)) return found;
      const why = `sync_interval always needs NATS 2.10, ${program} is ${found.version}; NATS_SERVER=PATH names another`;
      return { kind: "missing", why } satisfies Availability;
    },
    start: async (directory, signal) => {
      const clients = await drawPorts(IDS);
      const monitors = await drawPorts(IDS);
      const routes = await drawPorts(IDS);
      const processes = new PeerProcesses(
        directory,
        IDS.map((id) => ({
          id,
          address: clients.get(id) ?? "",
          program,
          args: ["-c", join(directory, `${id}.conf`)],
        })),
      );
      mkdirSync(directory, { recursive: true });
      for (const id of IDS) {
        const others = IDS.filter((one) => one !== id).map((one) => `nats://${routes.get(one)}`);
        writeFileSync(
          join(directory, `${id}.conf`),
          `listen: ${clients.get(id)}\nhttp: ${monitors.get(id)}\nserver_name: ${id}\n` +
            `jetstream { store_dir: "${processes.directoryOf(id)}", max_file_store: 20GB${always ? ", sync_interval: always" : ""} }\n` +
            `cluster { name: bench, listen: ${routes.get(id)}, routes: [${others.join(", ")}] }\n`,
        );
      }
      const nats = new RunningNats(processes, clients, monitors);
      try {
        processes.startAll();
        await nats.createStream(signal);
        return nats;
      } catch (error) {
        await nats.close();
        throw error;
      }
    },
  };
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [x = 0, y = 0] = version.split(".").map(Number);
  return x > major || (x === major && y >= minor);
}

interface StreamInfo {
  readonly cluster?: { readonly leader?: string };
}

interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly state: { readonly messages: number };
    }[];
  }[];
}

class RunningNats implements RunningPeer {
  readonly nodes: RunningPeer["nodes"];
  readonly #processes: PeerProcesses;
  readonly #clients: ReadonlyMap<string, string>;
  readonly #monitors: ReadonlyMap<string, string>;

  constructor(
    processes: PeerProcesses,
    clients: ReadonlyMap<string, string>,
    monitors: ReadonlyMap<string, string>,
  ) {
    this.#processes = processes;
    this.#clients = clients;
    this.#monitors = monitors;
    this.nodes = IDS.map((id) => ({
      id,
      address: clients.get(id) ?? "",
      pid: () => processes.pid(id),
    }));
  }

  async append(load: PeerLoad): Promise<PeerAppend> {
    const carrier = await this.#carrier(load.inFlight, load.recordsPerRequest, load.signal);
    return driveCarriers([carrier], this.nodes, load);
  }

  async catchUp(records: number, signal: AbortSignal): Promise<number> {
    const leader = await this.#leader(signal);
    const follower = IDS.find((id) => id !== leader) ?? "";
    await this.#processes.kill(follower);
    const before = await this.#count(leader);
    await fillCarriers([await this.#carrier(512, 1, signal)], records, signal);
    const began = performance.now();
    this.#processes.start(follower);
    await this.#processes.until("the follower", signal, async () =>
      (await this.#count(follower)) >= before + records ? true : undefined,
    );
    return (records * 1000) / (performance.now() - began);
  }

  /** A push consumer without acknowledgements, from the first message on. */
  async replay(signal: AbortSignal): Promise<number> {
    const leader = await this.#leader(signal);
    const wanted = await this.#count(leader);
    const done = Promise.withResolvers<void>();
    let count = 0;
    const connection = new NatsConnection(this.#clients.get(leader) ?? "", (subject) => {
      if (subject.startsWith("audit.") && ++count >= wanted) done.resolve();
    });
    const abort = (): void => done.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await connection.opened();
      const deliver = "deliver.bench";
      connection.write(Buffer.from(`SUB ${deliver} 2\r\n`));
      const began = performance.now();
      this.#request(connection, `CONSUMER.CREATE.${STREAM}`, {
        stream_name: STREAM,
        config: {
          deliver_subject: deliver,
          deliver_policy: "all",
          ack_policy: "none",
          num_replicas: 1,
          mem_storage: true,
        },
      });
      await done.promise;
      return (count * 1000) / (performance.now() - began);
    } finally {
      signal.removeEventListener("abort", abort);
      connection.close();
    }
  }

  close(): Promise<void> {
    return this.#processes.close();
  }

  async createStream(signal: AbortSignal): Promise<void> {
    const config = {
      name: STREAM,
      subjects: ["audit.>"],
      storage: "file",
      retention: "limits",
      num_replicas: IDS.length,
      discard: "old",
    };
    await this.#processes.until("the stream", signal, async () => {
      const answer = await this.#ask("a", `STREAM.CREATE.${STREAM}`, config);
      return answer.includes('"error"') ? undefined : true;
    });
    await this.#leader(signal);
  }

  async #carrier(slots: number, records: number, signal: AbortSignal): Promise<NatsCarrier> {
    const leader = await this.#leader(signal);
    return new NatsCarrier(this.#clients.get(leader) ?? "", slots, records, RECORD);
  }

  #leader(signal: AbortSignal): Promise<string> {
    return this.#processes.until("a leader of the stream", signal, async () => {
      for (const id of IDS) {
        if (this.#processes.pid(id) === undefined) continue;
        const info = JSON.parse(await this.#ask(id, `STREAM.INFO.${STREAM}`, {})) as StreamInfo;
        const leader = info.cluster?.leader ?? "";
        if (this.#processes.pid(leader) !== undefined) return leader;
      }
      return undefined;
    });
  }

  async #count(id: string): Promise<number> {
    const url = `http://${this.#monitors.get(id)}/jsz?accounts=true&streams=true`;
    const jsz = (await (await fetch(url)).json()) as Jsz;
    const streams = jsz.account_details?.flatMap((account) => account.stream_detail ?? []) ?? [];
    return streams.find(({ name }) => name === STREAM)?.state.messages ?? 0;
  }

  async #ask(id: string, what: string, body: unknown): Promise<string> {
    const answer = Promise.withResolvers<string>();
    const connection = new NatsConnection(this.#clients.get(id) ?? "", (_subject, payload) =>
      answer.resolve(payload.toString("utf8")),
    );
    const timer = setTimeout(
      () => answer.reject(new BenchError("ERR_BENCH_CLUSTER", `${what}: no answer`)),
      ANSWER_MS,
    );
    try {
      await connection.opened();
      connection.write(Buffer.from(`SUB ${INBOX} 1\r\n`));
      this.#request(connection, what, body);
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      connection.close();
    }
  }

  #request(connection: NatsConnection, what: string, body: unknown): void {
    const text = JSON.stringify(body);
    const head = `PUB $JS.API.${what} ${INBOX} ${Buffer.byteLength(text)}\r\n`;
    connection.write(Buffer.from(`${head}${text}\r\n`));
  }
}
