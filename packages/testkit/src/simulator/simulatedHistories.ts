import { asIndex, asTerm } from "@annals/raft";
import type { Entry, LogIndex, MemberId, RaftStatus } from "@annals/raft";
import type { Divergence, Histories, HistoryProof, LogStore, RepairPage } from "@annals/replica";
import { askForPage } from "./repairLink.ts";
import type { SimulatedReplica } from "./simulatedReplica.ts";
import type { World } from "./world.ts";

/** What a replica lends to peers, with what it says of itself: entries from `from` on that are intact. */
export function lentPage(
  store: LogStore,
  raft: RaftStatus | undefined,
  {
    from,
    to,
    maxEntries,
  }: { readonly from: number; readonly to: number; readonly maxEntries: number },
  onDamage: (error: unknown) => void,
): RepairPage {
  const entries: Entry[] = [];
  try {
    for (let index = from; index <= to && entries.length < maxEntries; index++) {
      const stored = store.storedEntry(asIndex(index));
      if (stored === undefined) break;
      entries.push(stored.entry);
    }
    const leads = raft?.role === "leader" ? raft.term : asTerm(0);
    const commitIndex = raft?.commitIndex ?? asIndex(0);
    const previousHash = entries.length > 0 ? store.hashAt(asIndex(from - 1)) : undefined;
    return { entries, previousHash, commitIndex, leads };
  } catch (error) {
    onDamage(error);
    return { entries, commitIndex: asIndex(0) };
  }
}

/** Asks as over a link of its own, and keeps what was proven on a disk that outlives the process. */
export class SimulatedHistories implements Histories {
  readonly #replica: SimulatedReplica;
  readonly #world: World;
  #saved: Divergence | undefined;

  constructor(replica: SimulatedReplica, world: World) {
    this.#replica = replica;
    this.#world = world;
  }

  get known(): Divergence | undefined {
    return this.#saved;
  }

  confirm = async (member: MemberId, index: LogIndex): Promise<HistoryProof | "unavailable"> => {
    const node = this.#world.nodes.find(({ id }) => id === member);
    const peer = node?.replicas.find(({ log }) => log === this.#replica.log);
    if (peer === undefined) return "unavailable";
    const page = await askForPage(this.#world, this.#replica, peer, index, index);
    if (page === "unavailable") return page;
    const { previousHash, commitIndex, leads } = page;
    const [entry] = page.entries;
    if (entry === undefined || previousHash === undefined || leads === undefined)
      return "unavailable";
    return { previousHash, entry, commitIndex, leads };
  };

  save = (divergence: Divergence): Promise<void> => {
    this.#saved = divergence;
    return Promise.resolve();
  };
}
