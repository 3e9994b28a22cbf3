/**
 * `pnpm fuzz:node`: three nodes as processes, one of them stopped and played by whoever talks here, over each door that a node has. What is
 * said is well-formed for the most part, and odd. No process may end, and in the end the cluster takes records, has those that were
 * acknowledged, and its files are in order.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { countText, numberArgument, programArguments, Random } from "@annals/kit";
import { startThrowAway } from "@annals/load";
import type { ThrowAway } from "@annals/load";
import { asMemberId } from "@annals/raft";
import { converse } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { httpTalk } from "./httpTalk.ts";
import { peerTalk } from "./peerTalk.ts";
import type { StolenIdentity } from "./peerTalk.ts";
import { streamTalk } from "./streamTalk.ts";

const PROGRAM = "pnpm fuzz:node";
const USAGE = `usage: ${PROGRAM} [--conversations N] [--from SEED] [--at-once N]

Starts three nodes, stops one and plays it, and talks to the other two over HTTP, the client stream and the door of peers: requests and
frames that are well-formed for the most part, and odd, cut into pieces and ended in every way. No process may end; after that the
cluster must take records and have those that it acknowledged, and the files must be in order.

  --conversations N  how many connections (default 20000)
  --from SEED        the seed of the first one (default: the time of day)
  --at-once N        connections at a time (default 8)

examples:
  ${PROGRAM}
  ${PROGRAM} --conversations 500000 --at-once 16

exit code: 0 all held, 1 something did not, 2 wrong usage`;

const ENTRY = join(import.meta.dirname, "../../../../apps/cli/dist/main.js");
const MAX_MESSAGE_BYTES = 2 ** 20;
/** Small, so that what is odd meets the bounds. */
const SETTINGS = `logs: [audit, other]
replication: { maxMessageBytes: 1MiB, append: { maxBytes: 512KiB, maxInflightBytes: 1MiB } }
batch: { maxBytes: 256KiB }
ingest: { maxRecordBytes: 64KiB, maxBodyBytes: 1MiB }
http: { headersTimeout: 1s }
`;
const PLAYED = "c";
const RECORDS_EVERY = 500;
const WAIT_MS = 60_000;

const run = promisify(execFile);

async function main(): Promise<number> {
  const options = {
    conversations: { type: "string", default: "20000" },
    from: { type: "string", default: String(Date.now()) },
    "at-once": { type: "string", default: "8" },
  } as const;
  const { values } = programArguments(PROGRAM, USAGE, options);
  const count = numberArgument(PROGRAM, "--conversations", values.conversations);
  const from = numberArgument(PROGRAM, "--from", values.from);
  const atOnce = numberArgument(PROGRAM, "--at-once", values["at-once"]);
  const cluster = await startThrowAway({ entry: ENTRY, nodes: 3, settings: SETTINGS });
  try {
    const trial = await Trial.begin(cluster);
    await trial.talk(from, count, atOnce);
    await trial.end();
    console.log(trial.table());
    const again = `REPRODUCE: ${PROGRAM} --from ${from} --conversations ${count} --at-once ${atOnce}`;
    for (const problem of trial.problems) console.log(`FAILED ${problem}\n${again}`);
    return trial.problems.length === 0 ? 0 : 1;
  } finally {
    await cluster.close();
  }
}

/** One cluster, and all that is said to it. */
class Trial {
  readonly problems: string[] = [];
  readonly #cluster: ThrowAway;
  readonly #stolen: StolenIdentity;
  readonly #pids: ReadonlyMap<string, number | undefined>;
  readonly #outcomes = new Map<string, number>();
  #acknowledged = 0;
  #sent = 0;

  private constructor(cluster: ThrowAway, stolen: StolenIdentity) {
    this.#cluster = cluster;
    this.#stolen = stolen;
    const { nodes } = cluster.processes;
    this.#pids = new Map([...nodes].map(([id, { pid }]) => [id, pid]));
  }

  static async begin(cluster: ThrowAway): Promise<Trial> {
    await cluster.processes.node(PLAYED).stop();
    return new Trial(cluster, await steal(cluster));
  }

  async talk(from: number, count: number, atOnce: number): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let k = next++; k < count && this.problems.length === 0; k = next++) {
        await this.#one(from + k);
        if (k % RECORDS_EVERY === 0) await this.#append();
        if (k % 1000 === 0) this.#assertAlive(from + k);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  async #one(seed: number): Promise<void> {
    const random = new Random(seed);
    const port = random.pick([...this.#stolen.members.keys()]);
    const said = this.#conversation(port, random);
    try {
      const outcome = `${said.door} ${await converse(port, said)}`;
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      this.problems.push(`after seed ${seed}: ${(error as Error).message}`);
    }
  }

  #conversation(port: number, random: Random): Conversation {
    const door = random.below(3);
    if (door === 0) return httpTalk(random);
    return door === 1 ? streamTalk(random) : peerTalk(this.#stolen, port, random);
  }

  #assertAlive(seed: number): void {
    for (const [id, node] of this.#cluster.processes.nodes)
      if (id !== PLAYED && node.pid !== this.#pids.get(id))
        this.problems.push(
          `node ${id} has ended by itself, by seed ${seed} or one of those before`,
        );
  }

  /** A record of a client that means well; several may be on their way. */
  async #append(): Promise<void> {
    const body = JSON.stringify({ actor: { id: "well" }, action: `meant.${this.#sent++}` });
    const headers = { "content-type": "application/json" };
    const done = await this.#until(async (url) => {
      const response = await fetch(`${url}/v1/logs/audit/records`, {
        method: "POST",
        headers,
        body,
      });
      await response.arrayBuffer();
      return response.ok;
    });
    if (done) this.#acknowledged++;
    else this.problems.push(`no record was taken for ${WAIT_MS} ms`);
  }

  async #until(ask: (url: string) => Promise<boolean>): Promise<boolean> {
    const { processes } = this.#cluster;
    const found = await processes.until(WAIT_MS, new AbortController().signal, async () => {
      for (const id of processes.ids)
        if (id !== PLAYED && (await ask(processes.node(id).url).catch(() => false))) return true;
      return undefined;
    });
    return found === true;
  }

  /** The node that was played comes back, all of them agree, and what was acknowledged is there. */
  async end(): Promise<void> {
    const { processes } = this.#cluster;
    this.#assertAlive(0);
    processes.node(PLAYED).release();
    await this.#append();
    const agreed = await processes.until(WAIT_MS, new AbortController().signal, async () => {
      const heads = (await processes.statuses()).map((status) => {
        const log = status?.logs.find(({ name }) => name === "audit");
        return log === undefined ? "" : `${log.lastSeq} ${log.headHash}`;
      });
      return heads[0] !== "" && new Set(heads).size === 1 ? true : undefined;
    });
    if (agreed !== true) this.problems.push(`the nodes did not agree within ${WAIT_MS} ms`);
    await this.#count();
    for (const id of processes.ids) await this.#askForOrphans(id);
    await Promise.all([...processes.nodes.values()].map((node) => node.stop()));
    for (const id of processes.ids) await this.#inspect(id);
  }

  /** The process outlives an error that nothing took care of: it is a bug all the same. */
  async #askForOrphans(id: string): Promise<void> {
    const text = await (await fetch(`${this.#cluster.processes.node(id).url}/metrics`)).text();
    const count = /^annals_process_orphaned_errors_total (\d+)$/m.exec(text)?.[1];
    if (count !== "0")
      this.problems.push(`node ${id} has outlived ${count} errors that nothing took care of`);
  }

  async #count(): Promise<void> {
    const url = this.#cluster.processes.node(PLAYED).url;
    const seen = new Set<string>();
    for (let from: number | undefined = 1; from !== undefined; ) {
      const query = `from=${from}&limit=1000&consistency=local&actor=well`;
      const page = (await (await fetch(`${url}/v1/logs/audit/records?${query}`)).json()) as Page;
      for (const { action } of page.items ?? []) seen.add(action);
      from = page.items?.length === 1000 ? (page.items.at(-1)?.seq ?? 0) + 1 : undefined;
    }
    if (seen.size !== this.#acknowledged)
      this.problems.push(`${this.#acknowledged} records were acknowledged, ${seen.size} are there`);
  }

  async #inspect(id: string): Promise<void> {
    const { data, logFile } = this.#cluster.processes.node(id);
    const fsck = await run(process.execPath, [ENTRY, "fsck", data]).catch((error: Error) => error);
    if (fsck instanceof Error) this.problems.push(`fsck of node ${id}: ${fsck.message}`);
    const lines = (await readFile(logFile, "utf8")).split("\n");
    for (const line of lines.filter((text) => text.includes('"level":60')))
      this.problems.push(`node ${id} wrote: ${line.slice(0, 1000)}`);
  }

  table(): string {
    const rows = [...this.#outcomes].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const lines = rows.map(([outcome, count]) => `${countText(count).padStart(11)}  ${outcome}`);
    return `${lines.join("\n")}\n${countText(this.#acknowledged)} records acknowledged meanwhile, ${this.problems.length} problems`;
  }
}

interface Page {
  readonly items?: readonly { readonly seq: number; readonly action: string }[];
}

/** What the disk of the node that has stopped says of it and of the others. */
async function steal({ processes, addresses, directory }: ThrowAway): Promise<StolenIdentity> {
  const { data } = processes.node(PLAYED);
  const file: unknown = JSON.parse(await readFile(join(data, "node.json"), "utf8"));
  const { member, certificate } = file as { member: number; certificate: string };
  const born = JSON.parse(certificate) as {
    clusterId: string;
    members: { node: string; member: number }[];
  };
  const config = [
    "config",
    "show",
    "--config",
    join(directory, `${PLAYED}.yaml`),
    "--node",
    PLAYED,
  ];
  const { stdout } = await run(process.execPath, [ENTRY, ...config]);
  const others = born.members.filter(({ node }) => node !== PLAYED);
  return {
    cluster: "bench",
    node: PLAYED,
    member: asMemberId(member),
    clusterId: born.clusterId,
    fingerprint: /fingerprint (\S+)/.exec(stdout)?.[1] ?? "",
    maxMessageBytes: MAX_MESSAGE_BYTES,
    logIds: (await readdir(join(data, "logs"))).map(Number),
    members: new Map(
      others.map((one) => [portOf(addresses.get(one.node) ?? ""), asMemberId(one.member)]),
    ),
  };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

process.exitCode = await main();
