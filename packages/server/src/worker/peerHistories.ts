import type { LogIndex, MemberId } from "@annals/raft";
import type { Divergence, Histories, HistoryProof } from "@annals/replica";
import { readDivergence, writeDivergence } from "@annals/storage";
import { RepairPeers } from "./repairPeers.ts";
import type { RepairPeersOptions } from "./repairPeers.ts";

interface PeerHistoriesOptions extends RepairPeersOptions {
  /** The directory of the log. */
  readonly directory: string;
}

/** Asks other nodes for an entry of theirs, over links that this node dials, and keeps what was proven beside the log. */
export class PeerHistories implements Histories {
  readonly known: Divergence | undefined;
  readonly #directory: string;
  readonly #peers: RepairPeers;

  private constructor(
    { directory, ...peers }: PeerHistoriesOptions,
    known: Divergence | undefined,
  ) {
    this.known = known;
    this.#directory = directory;
    this.#peers = new RepairPeers(peers);
  }

  static async of(options: PeerHistoriesOptions): Promise<PeerHistories> {
    return new PeerHistories(options, await readDivergence(options.directory));
  }

  confirm = async (member: MemberId, index: LogIndex): Promise<HistoryProof | "unavailable"> => {
    const page = await this.#peers.fetch(member, index, index);
    if (page === "unavailable") return page;
    const { previousHash, commitIndex, leads } = page;
    const [entry] = page.entries;
    if (entry === undefined || previousHash === undefined || leads === undefined)
      return "unavailable";
    return { previousHash, entry, commitIndex, leads };
  };

  save = (divergence: Divergence): Promise<void> => writeDivergence(this.#directory, divergence);

  close(): void {
    this.#peers.close();
  }
}
