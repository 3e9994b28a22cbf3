import { asIndex, asTerm } from "@annals/raft";
import type { Entry, LogIndex, MemberId, RaftStatus, Trace } from "@annals/raft";
import type { Divergence, Histories, HistoryProof, LogStore, RepairPage } from "@annals/replica";
import { equalBytes } from "@annals/record";
import { hashEntry } from "@annals/storage";
import { askForPage } from "./repairLink.ts";
import { Verdict } from "../world/verdict.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Member, MemberHistories } from "../world/machine.ts";

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
export class SimulatedHistories implements Histories, MemberHistories {
  readonly verdict: Verdict = new Verdict();
  readonly #replica: Member;
  readonly #world: Cluster;
  #saved: Divergence | undefined;
  #emptiedFor: MemberId | undefined;

  constructor(replica: Member, world: Cluster) {
    this.#replica = replica;
    this.#world = world;
  }

  get known(): Divergence | undefined {
    return this.#world.mutant?.forgetsDivergence === true ? undefined : this.#saved;
  }

  /** Whether the disk says that the log has diverged. */
  get saved(): boolean {
    return this.#saved !== undefined;
  }

  /** Whose copy was kept, while this one waits for it. */
  get emptied(): { readonly emptiedFor?: MemberId } {
    return this.#emptiedFor === undefined ? {} : { emptiedFor: this.#emptiedFor };
  }

  /** An operator has decided: the mark goes; `kept` is the member for whose copy this one was emptied. */
  resolve(kept: MemberId | undefined): void {
    this.#saved = undefined;
    this.#emptiedFor = kept;
  }

  traced({ kind }: Trace): void {
    if (kind === "filled") this.#emptiedFor = undefined;
  }

  /** FAULT: the disk is taken back to before anything was said. */
  forget(): void {
    this.#saved = undefined;
  }

  confirm = async (member: MemberId, index: LogIndex): Promise<HistoryProof | "unavailable"> => {
    const node = this.#world.nodes.find(({ id }) => id === member);
    const peer = node?.replicas.find(({ log }) => log === this.#replica.log);
    if (peer === undefined || !this.verdict.heeds(member)) return "unavailable";
    const page = await askForPage(this.#world, this.#replica, peer, index, index);
    if (page === "unavailable") return page;
    const { previousHash, commitIndex, leads } = page;
    const [entry] = page.entries;
    if (entry === undefined || previousHash === undefined || leads === undefined)
      return "unavailable";
    const proof = { previousHash, entry, commitIndex, leads };
    return this.#goesOn(proof) ? "unavailable" : proof;
  };

  /** FAULT of a mutant: what is proven is written down, and the replica does not hear of it. */
  #goesOn({ previousHash, entry, commitIndex }: HistoryProof): boolean {
    if (this.#world.mutant?.goesOnDiverged !== true) return false;
    const { stored } = this.#replica.durable;
    const hash = hashEntry(previousHash, entry);
    const own = stored.at(entry.index);
    if (own === undefined || equalBytes(own.hash, hash)) return false;
    const { index, term } = entry;
    const other = { member: 0, index, term, hash: "", commitIndex };
    this.#saved = { since: 0, own: undefined, other };
    return true;
  }

  save = (divergence: Divergence): Promise<void> => {
    this.#saved = divergence;
    this.#world.journal.note("diverged", this.#replica.node, this.#replica.log, 1);
    return Promise.resolve();
  };
}
