import type { LogIndex, MemberId } from "@annals/raft";
import type { Divergence, Histories, HistoryProof, ReplicaOptions } from "@annals/replica";
import { clearEmptied, readDivergence, readEmptied, writeDivergence } from "@annals/storage";
import type { EmptiedMark } from "@annals/storage";
import { reasonFields } from "@annals/channel";
import { RepairPeers } from "./repairPeers.ts";
import type { RepairPeersOptions } from "./repairPeers.ts";

interface PeerHistoriesOptions extends RepairPeersOptions {
  /** The directory of the log. */
  readonly directory: string;
}

/** Asks other nodes for an entry of theirs, over links that this node dials, and keeps what was proven beside the log. */
export class PeerHistories implements Histories {
  readonly known: Divergence | undefined;
  /** Set where the copy that was here was given up, and the kept one is not here yet. */
  readonly emptied: EmptiedMark | undefined;
  readonly #directory: string;
  readonly #peers: RepairPeers;

  private constructor(
    { directory, ...peers }: PeerHistoriesOptions,
    known: Divergence | undefined,
    emptied: EmptiedMark | undefined,
  ) {
    this.known = known;
    this.emptied = emptied;
    this.#directory = directory;
    this.#peers = new RepairPeers(peers);
  }

  static async of(options: PeerHistoriesOptions): Promise<PeerHistories> {
    const { directory } = options;
    const emptied = await readEmptied(directory);
    return new PeerHistories(options, await readDivergence(directory), emptied);
  }

  /** What the replica of the log has to be told. */
  get ofReplica(): Pick<ReplicaOptions, "histories" | "emptiedFor"> {
    return this.emptied === undefined
      ? { histories: this }
      : { histories: this, emptiedFor: this.emptied.member };
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

  /** The kept copy is here, durably. Should the mark stay, the next start looks again at whether all that was kept is here. */
  filled(
    line: (level: "info" | "warn", text: string, fields: Readonly<Record<string, unknown>>) => void,
  ): void {
    clearEmptied(this.#directory).then(
      () => line("info", "the kept copy is here", {}),
      (error: unknown) => line("warn", "emptied.json stays", reasonFields(error)),
    );
  }

  close(): void {
    this.#peers.close();
  }
}
