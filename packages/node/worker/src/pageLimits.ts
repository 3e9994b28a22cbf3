import type { NodeConfig } from "@annals/config";

/** Entries of one answer to a peer that repairs its log; small ones would cost a round trip each otherwise. */
const PAGE_ENTRIES_MAX = 1024;

/** What one answer on a repair link may hold. One larger entry still travels alone. */
export function pageLimits({ replication }: NodeConfig): {
  readonly maxEntries: number;
  readonly maxBytes: number;
} {
  return { maxEntries: PAGE_ENTRIES_MAX, maxBytes: replication.append.maxBytes };
}
