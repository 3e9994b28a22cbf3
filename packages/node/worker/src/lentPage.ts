import { asIndex, asTerm } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import type { PageFrame } from "@annals/wire";
import type { HostedLog } from "./hostedLog.ts";

/** Entries for a peer. */
export type LentPage = Omit<PageFrame, "kind" | "from">;

export const NO_PAGE: LentPage = { entries: [], commitIndex: asIndex(0), leads: asTerm(0) };

/** Entries of an open log from `from` on that are intact; none behind damage, which is told. */
export function storedPage(
  { store, replica }: Pick<HostedLog, "store" | "replica">,
  range: {
    readonly from: LogIndex;
    readonly to: LogIndex;
    readonly maxEntries: number;
    readonly maxBytes: number;
  },
  onDamage: (error: unknown) => void,
): LentPage {
  const { from, to, maxEntries, maxBytes } = range;
  const entries: Entry[] = [];
  let bytes = 0;
  try {
    for (let index: number = from; index <= to && entries.length < maxEntries; index++) {
      const entry = store.storedEntry(asIndex(index))?.entry;
      bytes += entry?.data.length ?? 0;
      if (entry === undefined || (entries.length > 0 && bytes > maxBytes)) break;
      entries.push(entry);
    }
    // What the disk knows to be committed lags behind until the next write, which may never come.
    const { commitIndex, role, term } = replica.status().raft;
    const leads = role === "leader" ? term : asTerm(0);
    const previousHash = entries.length > 0 ? store.hashAt(asIndex(from - 1)) : undefined;
    return { entries, previousHash, commitIndex, leads };
  } catch (error) {
    onDamage(error);
    return { entries, commitIndex: asIndex(0), leads: asTerm(0) };
  }
}
