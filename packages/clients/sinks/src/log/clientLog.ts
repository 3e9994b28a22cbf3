import { ClientError, recordText } from "@annals/client";
import type { AnnalsClient, Query, StoredRecord } from "@annals/client";
import type { LogSource, Reading } from "../run/ports.ts";

const RECORDS_MAX = 1_000;
/** How much the mean size of a record follows the newest page. */
const WEIGHT = 0.3;
const FIRST_GUESS_BYTES = 4_096;

export interface ClientLogOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  /** Only one lane of several, such as `0/4`, and what decides on it; see `Query`. */
  readonly lane?: Query["lane"];
  readonly laneKey?: Query["laneKey"];
}

/** A log of a cluster, read in pages: what is held is one page, however far the sink is behind. */
export class ClientLog implements LogSource {
  readonly #options: ClientLogOptions;
  #meanBytes = FIRST_GUESS_BYTES;

  constructor(options: ClientLogOptions) {
    this.#options = options;
  }

  async read(
    from: number,
    maxBytes: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Reading> {
    const { client, log, lane, laneKey } = this.#options;
    const limit = Math.min(RECORDS_MAX, Math.max(1, Math.floor(maxBytes / this.#meanBytes)));
    const lanes = lane === undefined ? {} : { lane, laneKey };
    const query: Query = { from, limit, waitMs, ...lanes };
    const { items, covered } = await client.read(log, query, { signal });
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (const record of items) {
      const size = Buffer.byteLength(recordText(record));
      // The guess was wrong: the rest is read again.
      if (records.length > 0 && bytes + size > maxBytes) break;
      records.push(record);
      bytes += size;
    }
    if (records.length > 0) this.#meanBytes += WEIGHT * (bytes / records.length - this.#meanBytes);
    const last = records.at(-1)?.seq ?? from - 1;
    const to = records.length === items.length ? Math.max(covered.to, last) : last;
    return { records, to: Math.max(to, from - 1), bytes };
  }

  async record(seq: number, signal: AbortSignal): Promise<StoredRecord | undefined> {
    try {
      return await this.#options.client.get(this.#options.log, seq, { signal });
    } catch (error) {
      if (error instanceof ClientError && error.code === "ERR_RECORD_NOT_FOUND") return undefined;
      throw error;
    }
  }

  async ownRecord(seq: number, signal: AbortSignal): Promise<StoredRecord | undefined> {
    const { client, log, lane, laneKey } = this.#options;
    if (lane === undefined) return this.record(seq, signal);
    const query: Query = { from: seq, to: seq, limit: 1, lane, laneKey };
    const { items } = await client.read(log, query, { signal });
    return items[0];
  }

  /** Confirmed by a quorum: what a node believes that is behind would look like another history. */
  async range(
    signal: AbortSignal,
  ): Promise<{ readonly firstSeq: number; readonly lastSeq: number }> {
    const { client, log } = this.#options;
    const [newest, oldest] = await Promise.all([
      client.read(log, { order: "desc", limit: 1 }, { signal }),
      client.read(log, { limit: 1 }, { signal }),
    ]);
    return { firstSeq: oldest.items[0]?.seq ?? 1, lastSeq: newest.items[0]?.seq ?? 0 };
  }
}
