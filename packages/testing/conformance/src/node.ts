import {
  type AppendTicket,
  asIndex,
  asMemberId,
  asTerm,
  decodeMembershipChange,
  type Entry,
  type HardState,
  type MemberId,
  NO_MEMBERS,
  ProbedRaftCore,
  type RaftConfig,
  type Snapshot,
} from "@annals/raft";
import { describeTrace } from "./describeTrace.ts";
import { MemoryStorage, MemoryStorageError } from "./memoryStorage.ts";
import type { Output } from "./output.ts";

const EMPTY: Snapshot = {
  lastIncludedIndex: asIndex(0),
  lastIncludedTerm: asTerm(0),
  membership: NO_MEMBERS,
  data: new Uint8Array(0),
};

/** One node of a transcript: a core, its storage, and a state machine that appends what it applies to its only value. */
export class TranscriptNode {
  readonly id: MemberId;
  readonly config: RaftConfig;
  readonly storage: MemoryStorage = new MemoryStorage();
  /** Storage answers through two queues that the transcript works off, instead of at once. */
  readonly asyncStorage: boolean;
  appendWork: AppendTicket[] = [];
  applyWork: (readonly Entry[])[] = [];
  readonly #output: Output;
  #core: ProbedRaftCore;
  #history: Snapshot[];
  #lastHardState: HardState;

  constructor(
    config: RaftConfig,
    asyncStorage: boolean,
    start: Snapshot | undefined,
    output: Output,
  ) {
    this.id = config.id;
    this.config = config;
    this.asyncStorage = asyncStorage;
    this.#output = output;
    this.#history = [start ?? EMPTY];
    this.storage.snapshotSource = () => this.newestSnapshot();
    if (start !== undefined) this.storage.applySnapshot(start);
    this.#core = this.#boot(config);
    this.#lastHardState = this.#presentHardState();
    this.flushTraces();
  }

  /** Calls the core and prints what it would have logged. */
  use<Result>(call: (core: ProbedRaftCore) => Result): Result {
    try {
      return call(this.#core);
    } finally {
      this.flushTraces();
    }
  }

  flushTraces(): void {
    for (const trace of this.#core.takeTraces()) {
      for (const { level, text } of describeTrace(this.id, trace)) this.#output.log(level, text);
    }
  }

  newestSnapshot(): Snapshot {
    return this.#history.at(-1) ?? EMPTY;
  }

  /** Writes what a ticket asks for. */
  write(ticket: AppendTicket): void {
    if (ticket.hardState !== undefined) this.storage.setHardState(ticket.hardState);
    if (ticket.snapshot === undefined) {
      this.storage.append(ticket.entries);
    } else if (ticket.entries.length > 0) {
      throw new MemoryStorageError("can't apply snapshot and entries at the same time");
    } else {
      this.storage.applySnapshot(ticket.snapshot);
    }
  }

  /** Runs the state machine: every entry leaves a snapshot behind. */
  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const last = this.newestSnapshot();
      let { membership } = last;
      let update = entry.data;
      if (entry.kind === "membership") {
        const change = decodeMembershipChange(entry.data);
        membership = this.use((core) => core.applyMembership(change));
        update = change.context;
      }
      const data = new Uint8Array(last.data.length + update.length);
      data.set(last.data);
      data.set(update, last.data.length);
      this.#history.push({
        lastIncludedIndex: entry.index,
        lastIncludedTerm: entry.term,
        membership,
        data,
      });
    }
  }

  /** Whether the ready that is about to be printed needs a flush by the reference's rule: entries, or a new term or vote. */
  needsSync(ticket: AppendTicket | undefined): boolean {
    if (ticket === undefined) return false;
    const before = this.#lastHardState;
    const now = ticket.hardState ?? before;
    this.#lastHardState = now;
    return (
      ticket.entries.length > 0 || now.term !== before.term || now.votedFor !== before.votedFor
    );
  }

  /** The process ends and starts again: what storage was not told, or has not done, is gone. */
  restart(): undefined {
    const applied = this.storage.recordApplied(this.newestSnapshot());
    this.appendWork = [];
    this.applyWork = [];
    this.#core = this.#boot({ ...this.config, applied });
    this.#lastHardState = this.#presentHardState();
    this.flushTraces();
  }

  #boot(config: RaftConfig): ProbedRaftCore {
    const core = new ProbedRaftCore(config, this.storage);
    if (!this.asyncStorage) core.applyAheadOfDisk();
    return core;
  }

  #presentHardState(): HardState {
    const { term, votedFor, commitIndex } = this.#core.status();
    return { term, votedFor, commitIndex };
  }
}

export function memberId(id: number): MemberId {
  return asMemberId(id);
}
