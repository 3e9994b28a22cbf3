import { randomUUID } from "node:crypto";
import { ClientError } from "@annals/client";
import type { AnnalsClient, AuditRecord, StoredRecord } from "@annals/client";
import type { SourceCount } from "./status.ts";

export interface PartOwnerOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  /** Of the part, the same in every process that may own it. */
  readonly producer: string;
  /** Name of the part among all of the log, also for people. */
  readonly name: string;
  /** Who the records of takeovers name as actor, and their action. */
  readonly actor: string;
  readonly action: string;
  /** The position in the id of a record of this part; undefined if it is none. */
  readonly positionOf: (id: string | undefined) => string | undefined;
  /** Nobody but the log knows how far the part is: it is searched when the log has forgotten the producer. */
  readonly isSearched?: boolean;
  /** Records in one request; default 100. */
  readonly requestRecords?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly count?: ((what: SourceCount, by: number) => void) | undefined;
}

/** A message or a row, made into its record. */
export interface PartItem {
  readonly record: AuditRecord;
  readonly position: string;
  /** The mapping did not take it, and the record says so. */
  readonly isUnmapped: boolean;
  /** The record instead, when the log refuses the first one. */
  readonly refused: (code: string) => AuditRecord;
}

/** How far the part is in the log, as the log itself says. */
interface Standing {
  readonly epoch: number;
  readonly sequence: number;
  /** Of the last item that is recorded; undefined for none that is known. */
  readonly position: string | undefined;
}

/** What the record of a takeover knows: how far the part was by the record at `after`, the last one that was known. */
interface Takeover {
  readonly owner: string;
  readonly position: string | undefined;
  readonly after: number;
}

const REQUEST_RECORDS = 100;
/** What is wrong with a record, by the status of the refusal: it is recorded as what could not be mapped. */
const REFUSED: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

/**
 * Records the items of one part of a source, each once. Whoever begins takes the part over by a record in a new epoch of the part's
 * producer: from then on the log refuses whatever a process before it still sends. How far the part was then is in the log: the ids of its
 * records name their positions, up to the takeover.
 */
export class PartOwner {
  readonly #options: PartOwnerOptions;
  #standing: Standing | undefined;

  constructor(options: PartOwnerOptions) {
    this.#options = options;
  }

  /** Of the last item that is recorded, after taking the part over if that is not done yet. Rejects with ERR_SOURCE_OVERTAKEN. */
  async position(): Promise<string | undefined> {
    this.#standing ??= await this.#takeOver();
    return this.#standing.position;
  }

  /** Items behind `position()`, in their order. Resolves when a quorum has them all; rejects with the client's error otherwise. */
  async append(items: readonly PartItem[]): Promise<void> {
    const { requestRecords = REQUEST_RECORDS } = this.#options;
    const records = items.map(({ record }) => record);
    const refused = new Set<number>();
    let most = requestRecords;
    let next = 0;
    while (next < items.length) {
      const standing = (this.#standing ??= await this.#takeOver());
      const request = records.slice(next, next + most);
      const last = items[next + request.length - 1]?.position;
      try {
        this.#standing = await this.#send(standing, request, last);
        this.#count(items.slice(next, next + request.length), next, refused);
        next += request.length;
        most = requestRecords;
      } catch (error) {
        const item = items[next];
        if (isRefusal(error) && request.length > 1) most = Math.ceil(request.length / 2);
        else if (isRefusal(error) && item !== undefined && !refused.has(next)) {
          refused.add(next);
          records[next] = item.refused(error.code);
        } else {
          // It may be recorded, or not: who comes next asks.
          this.#standing = undefined;
          throw error;
        }
      }
    }
  }

  #count(items: readonly PartItem[], from: number, refused: ReadonlySet<number>): void {
    const { count } = this.#options;
    const isRefused = (_: PartItem, at: number): boolean => refused.has(from + at);
    const rejected = items.filter(isRefused).length;
    count?.("records", items.length);
    count?.("refused", rejected);
    count?.("unmapped", items.filter(({ isUnmapped }) => isUnmapped).length);
  }

  /** Begins an epoch. Rejects with ERR_SOURCE_OVERTAKEN if another process was quicker. */
  async #takeOver(): Promise<Standing> {
    const { client, log, producer: id, actor, action, name, signal } = this.#options;
    const latest = await client.producer(log, id, { signal });
    const known = latest === undefined ? await this.#searched() : await this.#known(latest.lastSeq);
    const epoch = latest?.nextEpoch ?? (await client.nextEpoch(log, id, { signal }));
    const owner = randomUUID();
    const data = { part: name, owner, position: known.position ?? null, after: known.after };
    const record = { actor: { id: actor }, action, data };
    const producer = { id, epoch, sequence: 1 };
    const { firstSeq } = await client.append(log, record, { producer, signal });
    const taken = await client.get(log, firstSeq, { signal });
    if (this.#takeoverOf(taken)?.owner !== owner)
      throw new ClientError("ERR_SOURCE_OVERTAKEN", `another process has taken ${name} over`, {
        retryable: true,
      });
    this.#options.count?.("takeovers", 1);
    return { epoch, sequence: 1, position: await this.#positionAt(taken, { owner, ...known }) };
  }

  async #known(after: number): Promise<Omit<Takeover, "owner">> {
    return { position: await this.#positionBy(after), after };
  }

  /** The log does not know the producer, or not any more: its records are in the log all the same. */
  async #searched(): Promise<Omit<Takeover, "owner">> {
    const { client, log, actor, action, isSearched = false, signal } = this.#options;
    const query = { actor, action, order: "desc", limit: 1 } as const;
    if (isSearched)
      for await (const record of client.records(log, query, { signal })) {
        const takeover = this.#takeoverOf(record);
        if (takeover === undefined) continue;
        const position = await this.#positionAt(record, takeover);
        return { position, after: record.seq };
      }
    return { position: undefined, after: 0 };
  }

  /** How far the part is by a record of its producer. */
  async #positionBy(seq: number): Promise<string | undefined> {
    const { client, log, producer, name, positionOf, signal } = this.#options;
    const record = await client.get(log, seq, { signal });
    const position = positionOf(record.id);
    if (position !== undefined) return position;
    const takeover = this.#takeoverOf(record);
    if (takeover !== undefined) return this.#positionAt(record, takeover);
    const what = `record ${seq} of producer ${producer} is none of ${name}`;
    throw new ClientError("ERR_SOURCE_FOREIGN", what);
  }

  /** Between what the new owner knew and its takeover, one before it may still have recorded some. */
  async #positionAt(
    { seq }: Pick<StoredRecord, "seq">,
    { position, after }: Takeover,
  ): Promise<string | undefined> {
    let last = position;
    if (after === 0 || after + 1 >= seq) return last;
    const { client, log, positionOf, signal } = this.#options;
    for await (const { id } of client.records(log, { from: after + 1, to: seq - 1 }, { signal }))
      last = positionOf(id) ?? last;
    return last;
  }

  /** One request; how far the log is then. */
  async #send(
    { epoch, sequence: before }: Standing,
    records: readonly AuditRecord[],
    position: string | undefined,
  ): Promise<Standing> {
    const { client, log, producer: id, signal } = this.#options;
    const sequence = before + 1;
    await client.append(log, records, { producer: { id, epoch, sequence }, signal });
    return { epoch, sequence, position };
  }

  #takeoverOf({ action, data }: StoredRecord): Takeover | undefined {
    const { part, owner, position, after } = data ?? {};
    const isPosition = typeof position === "string" || position === null;
    return action === this.#options.action &&
      part === this.#options.name &&
      typeof owner === "string" &&
      isPosition &&
      typeof after === "number"
      ? { owner, position: position ?? undefined, after }
      : undefined;
  }
}

function isRefusal(error: unknown): error is ClientError {
  return error instanceof ClientError && !error.retryable && REFUSED.has(error.status);
}
