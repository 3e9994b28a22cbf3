import { createHash, randomUUID } from "node:crypto";
import { ClientError } from "@annals/client";
import type { AnnalsClient, AuditRecord, StoredRecord } from "@annals/client";
import { offsetOf, UNMAPPED_ACTION, unmappedRecord } from "../mapping.ts";
import type { RecordMapping, SourceMessage } from "../mapping.ts";
import { recordOf } from "../records.ts";
import type { StateCache } from "../stateCache.ts";
import type { SourceCount } from "../status.ts";

export interface PartitionWriterOptions {
  readonly client: AnnalsClient;
  readonly log: string;
  /** The consumer group: with another one, everything is recorded once more. */
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly mapping: RecordMapping;
  readonly states: StateCache;
  /** Records in one request; default 100. */
  readonly requestRecords?: number;
  readonly signal?: AbortSignal | undefined;
  readonly count?: (what: SourceCount, by: number) => void;
}

/** How far the partition is in the log, as the log itself says. */
interface Standing {
  readonly epoch: number;
  readonly sequence: number;
  /** Of the last message that is recorded; -1 for none that is known. */
  readonly offset: bigint;
}

/** What the record of a takeover knows: how far the partition was by the record at `after`, the last one that was known. */
interface Takeover {
  readonly owner: string;
  readonly offset: string;
  readonly after: number;
}

/** The action of the record with which a process takes a partition over. */
export const TAKEOVER_ACTION = "kafka.takeover";
const REQUEST_RECORDS = 100;
/** What is wrong with a record, by the status of the refusal: it is recorded as what could not be mapped. */
const REFUSED: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

/**
 * Records the messages of one partition, each once. Whoever begins takes the partition over by a record in a new epoch of the partition's
 * producer: from then on the log refuses whatever a process before it still sends. How far the partition was then is in the log: the ids of
 * its records name their offsets, up to the takeover. So whatever Kafka delivers again is known.
 */
export class PartitionWriter {
  readonly #options: PartitionWriterOptions;
  readonly #producer: string;
  #standing: Standing | undefined;

  constructor(options: PartitionWriterOptions) {
    this.#options = options;
    this.#producer = producerId(options);
  }

  /** Messages come in the order of their offsets. Resolves when a quorum has them all; rejects with the client's error otherwise. */
  async append(messages: readonly SourceMessage[]): Promise<void> {
    const { mapping, states, requestRecords = REQUEST_RECORDS } = this.#options;
    // Made once, whatever is tried again: what has changed since the state before is told once.
    const records = messages.map((message) => recordOf(message, mapping, states));
    const unmapped = new Set<number>();
    let most = requestRecords;
    for (;;) {
      const standing = (this.#standing ??= await this.#takeOver());
      const next = messages.findIndex(({ offset }) => offset > standing.offset);
      if (next < 0) return;
      const request = records.slice(next, next + most);
      const last = messages[next + request.length - 1]?.offset ?? standing.offset;
      try {
        this.#standing = await this.#send(standing, request, last);
        this.#count(request, next, unmapped);
        most = requestRecords;
      } catch (error) {
        const message = messages[next];
        if (isRefusal(error) && request.length > 1) most = Math.ceil(request.length / 2);
        else if (isRefusal(error) && message !== undefined && !unmapped.has(next)) {
          unmapped.add(next);
          this.#options.count?.("refused", 1);
          records[next] = unmappedRecord(message, error.code);
        } else {
          // It may be recorded, or not: who comes next asks. What was told of as changed is not in the log.
          this.#standing = undefined;
          states.clear();
          throw error;
        }
      }
    }
  }

  #count(request: readonly AuditRecord[], from: number, refused: ReadonlySet<number>): void {
    const isUnmapped = ({ action }: AuditRecord, at: number): boolean =>
      action === UNMAPPED_ACTION && !refused.has(from + at);
    this.#options.count?.("records", request.length);
    this.#options.count?.("unmapped", request.filter(isUnmapped).length);
  }

  /** Begins an epoch. Rejects with ERR_SOURCE_OVERTAKEN if another process was quicker. */
  async #takeOver(): Promise<Standing> {
    const { client, log, signal } = this.#options;
    const id = this.#producer;
    const latest = await client.producer(log, id, { signal });
    const after = latest?.lastSeq ?? 0;
    const known = latest === undefined ? -1n : await this.#offsetBy(after);
    const epoch = latest?.nextEpoch ?? (await client.nextEpoch(log, id, { signal }));
    const takeover = { owner: randomUUID(), offset: String(known), after };
    const record = { ...this.#actor(), action: TAKEOVER_ACTION, data: takeover };
    const producer = { id, epoch, sequence: 1 };
    const { firstSeq } = await client.append(log, record, { producer, signal });
    const taken = await client.get(log, firstSeq, { signal });
    if (takeoverOf(taken)?.owner !== takeover.owner)
      throw new ClientError(
        "ERR_SOURCE_OVERTAKEN",
        `another process has taken ${this.#name()} over`,
        { retryable: true },
      );
    this.#options.count?.("takeovers", 1);
    return { epoch, sequence: 1, offset: await this.#offsetAt(taken, takeover) };
  }

  /** How far the partition is by a record of its producer. */
  async #offsetBy(seq: number): Promise<bigint> {
    const { client, log, signal } = this.#options;
    const record = await client.get(log, seq, { signal });
    const offset = offsetOf(this.#options, record.id);
    if (offset !== undefined) return offset;
    const takeover = takeoverOf(record);
    if (takeover !== undefined) return this.#offsetAt(record, takeover);
    const what = `record ${seq} of producer ${this.#producer} is none of ${this.#name()}`;
    throw new ClientError("ERR_SOURCE_FOREIGN", what);
  }

  /** Between what the new owner knew and its takeover, one before it may still have recorded some. */
  async #offsetAt({ seq }: StoredRecord, { offset, after }: Takeover): Promise<bigint> {
    let last = BigInt(offset);
    if (after === 0 || after + 1 >= seq) return last;
    const { client, log, signal } = this.#options;
    for await (const { id } of client.records(log, { from: after + 1, to: seq - 1 }, { signal }))
      last = offsetOf(this.#options, id) ?? last;
    return last;
  }

  /** One request; how far the log is then. */
  async #send(
    { epoch, sequence: before }: Standing,
    records: readonly AuditRecord[],
    offset: bigint,
  ): Promise<Standing> {
    const { client, log, signal } = this.#options;
    const sequence = before + 1;
    const producer = { id: this.#producer, epoch, sequence };
    await client.append(log, records, { producer, signal });
    return { epoch, sequence, offset };
  }

  #name(): string {
    return `${this.#options.topic}/${this.#options.partition}`;
  }

  #actor(): Pick<AuditRecord, "actor"> {
    return { actor: { id: `kafka:${this.#name()}` } };
  }
}

function takeoverOf({ action, data }: StoredRecord): Takeover | undefined {
  const { owner, offset, after } = data ?? {};
  return action === TAKEOVER_ACTION &&
    typeof owner === "string" &&
    typeof offset === "string" &&
    typeof after === "number"
    ? { owner, offset, after }
    : undefined;
}

function isRefusal(error: unknown): error is ClientError {
  return error instanceof ClientError && !error.retryable && REFUSED.has(error.status);
}

/** The producer of a partition, the same in every process of the group. */
function producerId({
  group,
  topic,
  partition,
}: Pick<PartitionWriterOptions, "group" | "topic" | "partition">): string {
  const name = JSON.stringify([group, topic, partition]);
  return `kafka-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}
