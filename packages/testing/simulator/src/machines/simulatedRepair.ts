import { asIndex } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import { ZERO_HASH } from "@annals/record";
import { RunRepair, witnessesNeeded } from "@annals/replica";
import type { DamagedRun, RepairOutcome, RepairPage } from "@annals/replica";
import { hashEntry } from "@annals/storage";
import type { Random } from "@annals/kit";
import { askForPage } from "./repairLink.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Member } from "../world/machine.ts";

/** The longest time that reading a whole log takes, and the longest wait between rounds in vain. */
const DIAGNOSIS_US = 200_000;
const ROUND_MS = 500;

/**
 * One log of one node in repair: its replica is down, what is damaged on its disk comes from the disks of its peers, by the code of
 * production; it lends them what is intact. Nothing has an effect before everything is proven, so a crash leaves the disk as it was.
 */
export class SimulatedRepair {
  readonly #replica: Member;
  readonly #world: Cluster;
  readonly #random: Random;
  readonly #life: number;
  #diagnosed = false;
  #current: RunRepair<Member> | undefined;
  #stopped = false;

  constructor(replica: Member, world: Cluster, random: Random) {
    this.#replica = replica;
    this.#world = world;
    this.#random = random;
    this.#life = replica.host.life;
  }

  /** What a peer gets: entries from `from` on that are intact here. */
  page(from: LogIndex, to: LogIndex): RepairPage | undefined {
    if (!this.#diagnosed) return undefined;
    const { durable, disk } = this.#replica;
    const entries: Entry[] = [];
    for (let index: number = from; index <= to && entries.length < this.pageEntries; index++) {
      const slot = durable.stored.at(index);
      if (slot === undefined || disk.damaged.has(index)) break;
      entries.push({ ...slot.entry, data: new Uint8Array(slot.entry.data) });
    }
    return { entries, commitIndex: durable.hardState.commitIndex };
  }

  get pageEntries(): number {
    return this.#world.plan.config.append.maxEntries;
  }

  /** Ends `run` without effect: what it waits for may never come. */
  stop(): void {
    this.#stopped = true;
    this.#current?.stop();
  }

  /** Reads the log through, and gets what is damaged back, a run of neighbours at a time. */
  async run(): Promise<RepairOutcome> {
    await this.#wait(this.#random.below(DIAGNOSIS_US));
    this.#diagnosed = true;
    const fetched: Entry[] = [];
    for (const run of damagedRuns(this.#replica)) {
      const outcome = this.#stopped ? "stopped" : await this.#fetchRun(run, fetched);
      if (outcome !== "repaired") return outcome;
    }
    if (this.#stopped) return "stopped";
    this.#replica.disk.mend(fetched);
    return "repaired";
  }

  #fetchRun(run: DamagedRun, fetched: Entry[]): Promise<RepairOutcome> {
    const { mutant, journal } = this.#world;
    const { node, log } = this.#replica;
    let staged: Entry[] = [];
    const current = new RunRepair<Member>({
      run,
      commitIndex: this.#replica.durable.hardState.commitIndex,
      witnessesNeeded: () => (mutant?.believesOnePeer === true ? 1 : this.#witnessesNeeded()),
      peers: () => this.#peers(),
      fetch: (peer, from, to) => askForPage(this.#world, this.#replica, peer, from, to),
      sink: {
        write: async (entries) => void staged.push(...entries),
        commit: async () => void fetched.push(...staged),
        discard: async () => {
          journal.note("repairRefuted", node, log, run.from);
          staged = [];
        },
      },
      chain: mutant?.trustsPages === true ? () => run.hash : hashEntry,
      wait: (ms) => this.#wait(ms * 1000),
      backoff: { nextMs: () => 1 + this.#random.below(ROUND_MS), progress: () => undefined },
      onMissing: (from) => journal.note("repairMissing", node, log, from),
    });
    this.#current = current;
    return current.run();
  }

  #witnessesNeeded(): number {
    const { host, id } = this.#replica;
    return witnessesNeeded(host.roster.members().filter((member) => member !== id).length);
  }

  /** The newest machine of every other place, as addresses lead to it. */
  #peers(): readonly Member[] {
    const { log, host } = this.#replica;
    const others = this.#world.inService.filter(({ place }) => place !== host.place);
    return others.map(({ id }) => this.#world.replica(log, id));
  }

  #wait(forUs: number): Promise<void> {
    const { host } = this.#replica;
    return new Promise((resolve) => {
      this.#world.scheduler.after(forUs, () => host.run(this.#life, resolve));
    });
  }
}

/** Damaged entries that are neighbours, with the hashes of the chain on both sides, which what is intact attests. */
function damagedRuns({ durable: { stored }, disk }: Member): readonly DamagedRun[] {
  const runs: DamagedRun[] = [];
  for (let index = 1; index <= stored.count; index++) {
    const slot = stored.at(index);
    if (slot === undefined || !disk.damaged.has(index)) continue;
    const last = runs.at(-1);
    const grows = last !== undefined && last.to === index - 1;
    if (grows) runs.pop();
    runs.push({
      from: grows ? last.from : asIndex(index),
      to: asIndex(index),
      before: grows ? last.before : (stored.at(index - 1)?.hash ?? ZERO_HASH),
      hash: slot.hash,
    });
  }
  return runs;
}
