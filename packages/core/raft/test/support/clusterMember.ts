import { type AppendTicket, type ReadState } from "../../src/ready.ts";
import {
  asIndex,
  asTerm,
  type Entry,
  type HardState,
  type LogIndex,
  type MemberId,
  type MembershipState,
  NOBODY,
  type Snapshot,
  type Term,
} from "../../src/types.ts";
import { decodeMembershipChange } from "../../src/membershipCodec.ts";
import { type Message } from "../../src/message.ts";
import { ProbedRaftCore } from "../../src/probedCore.ts";
import { type RaftConfig } from "../../src/config.ts";
import { MemoryLog } from "./memoryLog.ts";

const FRESH: HardState = { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) };

/** Mistakes that a driver could make. The checkers must find them out. */
export type Canary = "none" | "ackBeforeFlush" | "forgetHardState";

/** One member of a random cluster: its storage finishes writes later, in order, and its state machine applies later. */
export class ClusterMember {
  readonly id: MemberId;
  readonly log: MemoryLog = new MemoryLog();
  readonly #config: RaftConfig;
  readonly #canary: Canary;
  #core: ProbedRaftCore;
  #writes: AppendTicket[] = [];
  #applies: (readonly Entry[])[] = [];
  /** Durable, with the membership in force as of it. */
  #applied: LogIndex = asIndex(0);

  constructor(config: RaftConfig, membership: MembershipState, canary: Canary) {
    this.#canary = canary;
    this.id = config.id;
    this.#config = config;
    this.log.membership = membership;
    this.log.snapshotSource = () => this.#snapshot();
    this.#core = new ProbedRaftCore(config, this.log);
  }

  get core(): ProbedRaftCore {
    return this.#core;
  }

  get writing(): number {
    return this.#writes.length;
  }

  get applying(): number {
    return this.#applies.length;
  }

  /** Whether the entry is durable here, or covered by what was compacted. */
  holds(index: LogIndex, term: Term): boolean {
    return index < this.log.firstIndex() || this.log.term(index) === term;
  }

  payload(index: LogIndex): string {
    return String(this.log.all()[index - this.log.firstIndex()]?.data);
  }

  /** Takes all that is ready; returns what may leave at once and what was read. */
  drain(): { readonly messages: readonly Message[]; readonly reads: readonly ReadState[] } {
    const messages: Message[] = [];
    const reads: ReadState[] = [];
    while (this.#core.hasReady()) {
      const ready = this.#core.takeReady();
      messages.push(...ready.messages);
      reads.push(...ready.reads);
      if (ready.append !== undefined) {
        this.#writes.push(ready.append);
        if (this.#canary === "ackBeforeFlush") messages.push(...this.#toOthers(ready.append));
      }
      if (ready.apply.length > 0) this.#applies.push(ready.apply);
    }
    return { messages, reads };
  }

  /** Finishes the oldest write; returns what waited for it. */
  finishWrite(): readonly Message[] {
    const ticket = this.#writes.shift();
    if (ticket === undefined) return [];
    this.#write(ticket);
    this.#core.appendDone(ticket);
    return this.#canary === "ackBeforeFlush" ? [] : this.#toOthers(ticket);
  }

  /** Applies the oldest batch; tells `applied` of every entry. */
  applyOne(applied: (index: LogIndex, term: Term) => void): void {
    const batch = this.#applies.shift();
    if (batch === undefined) return;
    for (const entry of batch) {
      // A snapshot that was installed meanwhile covers it.
      if (entry.index <= this.#applied) continue;
      applied(entry.index, entry.term);
      if (entry.kind === "membership") {
        this.log.membership = this.#core.applyMembership(decodeMembershipChange(entry.data));
      }
      this.#applied = entry.index;
    }
    const last = batch.at(-1);
    if (last !== undefined) this.#core.applyDone(last.index);
  }

  /** Forgets the log up to the applied index. */
  compact(): void {
    if (this.#applied >= this.log.firstIndex()) this.log.compact(this.#applied);
  }

  /** The process ends. Of the writes under way the first `survivors` reached the disk, though nobody was told. */
  crash(survivors: number): void {
    for (const ticket of this.#writes.slice(0, survivors)) this.#write(ticket);
    this.#writes = [];
    this.#applies = [];
    if (this.#canary === "forgetHardState") this.log.hardState = FRESH;
    this.#core = new ProbedRaftCore({ ...this.#config, applied: this.#applied }, this.log);
  }

  #toOthers(ticket: AppendTicket): readonly Message[] {
    return ticket.afterDurable.filter(({ to }) => to !== this.id);
  }

  /** The state machine as it stands: whoever is a member by now is a member in it. */
  #snapshot(): Snapshot | undefined {
    const term = this.log.term(this.#applied);
    if (typeof term !== "number") return undefined;
    return {
      lastIncludedIndex: this.#applied,
      lastIncludedTerm: term,
      membership: this.log.membership,
      data: new Uint8Array(0),
    };
  }

  #write(ticket: AppendTicket): void {
    this.log.write(ticket);
    if (ticket.snapshot !== undefined) this.#applied = ticket.snapshot.lastIncludedIndex;
  }
}
