import type {
  Entry,
  HardState,
  HashChain,
  LogIndex,
  LogReader,
  MemberId,
  MembershipState,
  Message,
} from "@annals/raft";
import type { AnnalsError, Seq } from "@annals/record";
import type { GroupId } from "./groupCommand.ts";
import type { GroupState } from "./groups.ts";

/** What became of one request of a producer. */
export interface ProducerAnswer {
  readonly sequence: number;
  /** Of the records of the request: other records under this number are refused. */
  readonly fingerprint: number;
  readonly firstSeq: Seq;
  /** firstSeq + count − 1, unless the request was finished by a retry after a change of leader. */
  readonly lastSeq: Seq;
  /** Records of the request that are in the log so far. */
  readonly count: number;
}

/** Where an idempotent producer stands after an applied entry; what a repeat of its last requests is answered with. */
export interface ProducerState {
  readonly epoch: number;
  /** The newest answers, oldest first, at most `PRODUCER_WINDOW`; the last one is the producer's latest request. */
  readonly recent: readonly ProducerAnswer[];
  /** Index of the entry that last changed this state: decides who is forgotten first. */
  readonly lastIndex: LogIndex;
}

/** Derived state as of an applied index; stored in the same transaction as whatever else the cycle writes. */
export interface AppliedUpdate {
  readonly appliedIndex: LogIndex;
  /** Set when a membership entry was applied. */
  readonly membership: MembershipState | undefined;
  /** Producers that changed; undefined means forgotten. One row, under an id that no producer has, holds the table's epoch floor. */
  readonly producers: ReadonlyMap<string, ProducerState | undefined>;
  /** Groups that changed; undefined means deleted. */
  readonly groups: ReadonlyMap<GroupId, GroupState | undefined>;
}

/** One turn of the writer loop: written in one transaction, durable by one flush. */
export interface WriteCycle {
  /**
   * Contiguous. When the first index is at or below the last stored one, everything from there on is dropped first. Never reaches
   * down to a committed index: that is a bug of the caller and refused by an invariant. An entry with a link is stored with the hash that
   * it says, if it continues the chain; one without is hashed.
   */
  readonly entries: readonly Entry[];
  readonly hardState: HardState | undefined;
  readonly applied: AppliedUpdate | undefined;
}

/** An entry as stored, with its place in the hash chain. */
export interface StoredEntry {
  readonly entry: Entry;
  /** SHA-256 over (previous hash, index, term, kind, data); 32 bytes. */
  readonly hash: Uint8Array;
  /** Gives the memory of this copy back at once, where it is one: nothing of it may be looked at afterwards. */
  readonly letGo?: () => void;
}

/**
 * Durable storage of one log. Reads are synchronous, copy out and hold no transaction. There is one writer, the replica, with one
 * `write` outstanding at most. The first error of any kind is final (fail-stop): every later call rejects with it.
 */
export interface LogStore extends LogReader, HashChain {
  /** Resolves when everything in the cycle is flushed to disk; from then on reads see it. Rejects with `ERR_STORAGE_FAILED`. */
  write(cycle: WriteCycle): Promise<void>;
  /** The applied index that is durable; entries above are handed out for applying again after a restart. */
  appliedIndex(): LogIndex;
  /** Producers as of `appliedIndex()`. Read once, at start. */
  producers(): ReadonlyMap<string, ProducerState>;
  /** Groups as of `appliedIndex()`. Read once, at start. */
  groups(): ReadonlyMap<GroupId, GroupState>;
  /** The stored entry, checksum verified; undefined outside [first, last]. Throws `ERR_ENTRY_DAMAGED` if it is damaged or missing. */
  storedEntry(index: LogIndex): StoredEntry | undefined;
  /** Index of the `records` entry whose batch holds `seq`, or of the first batch after it; undefined beyond the last seq. */
  indexOfSeq(seq: Seq): LogIndex | undefined;
  /** The seq of the last record in the stored log, committed or not; 0 for none. */
  lastSeq(): Seq;
  /** Chain hash of the last stored entry; 32 zero bytes for an empty log. */
  headHash(): Uint8Array;
  /** Bytes on disk. */
  diskBytes(): number;
  /** Why the disk takes no writes for now, `ERR_DISK_FULL` or `ERR_DISK_UNAVAILABLE`; undefined while it does, or before it was asked. */
  readonly refusal: AnnalsError | undefined;
  /** Waits for the write in the air, then releases everything. Idempotent. */
  close(): Promise<void>;
}

/** The blobs that are durable on this disk, as far as a replica asks: files named by their SHA-256, beside the log. */
export interface BlobHolder {
  /** Those of the digests (64 lower-case hexadecimal digits) that are not durable here. Called for every entry that names blobs: quick. */
  missing(digests: readonly string[]): readonly string[];
  /** An entry came from `from` before these blobs did, and is not taken. Called again with every repeat of the entry. */
  want(digests: readonly string[], from: MemberId): void;
}

/** A blob on its way to disk. */
export interface BlobSink {
  /** False: wait for `ready` before the next chunk. Never throws: what fails is told by `finish`. */
  write(chunk: Uint8Array): boolean;
  /** Resolves when more may be written, or when the file has failed or was closed, whichever comes first. */
  ready(): Promise<void>;
  /** Resolves when the blob is durable. Rejects, retryable or not; then nothing of it is left. */
  finish(): Promise<void>;
  /** Gives it up. Idempotent, never rejects. */
  abort(): Promise<void>;
}

/** The blobs of one log as files; for those who bring them in and send them on. */
export interface BlobFiles {
  /** Whether it is durable here. */
  has(digest: string): boolean;
  /** Undefined when there is nothing to read; what can be read need not be durable. */
  find(digest: string): Promise<{ readonly bytes: number } | undefined>;
  /** Throws when it cannot be begun, such as for lack of room. */
  begin(digest: string, bytes: number): BlobSink;
  /** Its bytes, a chunk at a time. Throws half-way if the file fails. */
  read(digest: string): AsyncIterable<Uint8Array>;
}

/** For logs whose records name no blobs. */
export const NO_BLOBS: BlobHolder = { missing: (digests) => digests, want: () => {} };

/** Carries messages to other members. Best effort: may drop, delay, reorder or duplicate; Raft repairs. Never throws, never blocks. */
export interface PeerTransport {
  /** What one drain produced for one member, in order. */
  send(to: MemberId, messages: readonly Message[]): void;
}

/**
 * How a received frame fares: first everything in it was stepped, then all that it brought is durable, or dropped. Each is called once, in
 * this order, on every way out. The accounting of the receive path hangs on it.
 */
export interface Receipt {
  stepped(): void;
  durable(): void;
}

/** Time and turns, injected so that the simulator owns them. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970; may jump. */
  wallTime(): number;
  /** Runs `turn` after the events that are already waiting: what arrives until then shares its drain. */
  defer(turn: () => void): void;
}

/** Uniform in [0, n). */
export type RandomBelow = (n: number) => number;
