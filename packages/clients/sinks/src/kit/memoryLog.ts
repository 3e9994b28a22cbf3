import { ClientError, recordText } from "@annals/client";
import type { LaneGrant, StoredRecord } from "@annals/client";
import type {
  DeadLetter,
  DeadLetters,
  GroupLane,
  HeldBy,
  LogSource,
  Reading,
  RunnerClock,
} from "../run/ports.ts";

/** Longer than any clock of a test waits for: a lane is lost only by `steal`. */
const LEASE_MS = 1e10;

/** A log, the lane of a group in it, and its dead letters, in memory. */
export class MemoryLog implements LogSource, GroupLane, DeadLetters {
  readonly records: StoredRecord[];
  readonly letters: DeadLetter[] = [];
  /** The lane's. */
  position = 0;
  /** Called before every call; throws what it is to fail with. */
  onCall: (name: string) => unknown = () => undefined;
  /** Bytes of the largest reading. */
  readBytesMax = 0;
  readonly #clock: RunnerClock;
  #token = 0;
  #isHeld = false;

  constructor(clock: RunnerClock, records: readonly StoredRecord[]) {
    this.#clock = clock;
    this.records = [...records];
  }

  async read(
    from: number,
    maxBytes: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Reading> {
    this.onCall("read");
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (const record of this.records.slice(from - 1)) {
      const size = Buffer.byteLength(recordText(record));
      if (records.length > 0 && bytes + size > maxBytes) break;
      records.push(record);
      bytes += size;
    }
    if (records.length === 0) await this.#clock.sleep(waitMs, signal);
    this.readBytesMax = Math.max(this.readBytesMax, bytes);
    return { records, to: from - 1 + records.length, bytes };
  }

  async record(seq: number): Promise<StoredRecord | undefined> {
    this.onCall("record");
    return this.records[seq - 1];
  }

  async range(): Promise<{ readonly firstSeq: number; readonly lastSeq: number }> {
    this.onCall("range");
    return { firstSeq: 1, lastSeq: this.records.length };
  }

  async acquire(): Promise<LaneGrant> {
    this.onCall("acquire");
    if (this.#isHeld)
      throw new ClientError("ERR_GROUP_HELD", "the lane has a holder", { retryable: true });
    this.#isHeld = true;
    const { position } = this;
    return { lane: 0, lanes: 1, token: ++this.#token, position, begin: 0, leaseMs: LEASE_MS };
  }

  async renew({ token }: LaneGrant): Promise<void> {
    this.#assertHeld(token);
  }

  async commit({ token }: LaneGrant, position: number): Promise<void> {
    this.onCall("commit");
    this.#assertHeld(token);
    if (position > this.records.length) throw new RangeError(`position ${position}`);
    this.position = Math.max(this.position, position);
  }

  async release({ token }: LaneGrant): Promise<void> {
    this.onCall("release");
    if (token === this.#token) this.#isHeld = false;
  }

  async holder(): Promise<HeldBy | undefined> {
    this.onCall("holder");
    if (!this.#isHeld) return undefined;
    const { position } = this;
    return { member: "somebody", position, lag: this.records.length - position };
  }

  async write(letter: DeadLetter): Promise<void> {
    this.onCall("write");
    if (this.letters.at(-1)?.seq !== letter.seq) this.letters.push(letter);
  }

  /** The holder is taken for dead. */
  steal(): void {
    this.#token++;
    this.#isHeld = false;
  }

  #assertHeld(token: number): void {
    if (token !== this.#token)
      throw new ClientError("ERR_GROUP_FENCED", "the lane is somebody else's", { status: 409 });
  }
}

/** `count` records of a few actors, the same at every call. */
export function sampleRecords(count: number, first = 1): readonly StoredRecord[] {
  return Array.from({ length: count }, (_, k): StoredRecord => {
    const seq = first + k;
    return {
      seq,
      recordedAt: new Date(Date.UTC(2026, 0, 1) + seq).toISOString(),
      actor: { id: `user-${seq % 7}` },
      action: seq % 3 === 0 ? "file.write" : "file.read",
      targets: [{ type: "file", id: `file-${seq % 11}` }],
      data: { text: "x".repeat(seq % 50) },
    };
  });
}
