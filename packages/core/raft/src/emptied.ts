import type { Message, RecoveryResponse } from "./message.ts";
import { isBefore } from "./recovery.ts";
import { asTerm, type EntryId, type MemberId } from "./types.ts";

const NO_TERM = asTerm(0);

/** What a member waits for that began with an emptied log. */
export interface EmptiedStatus {
  /** The member whose copy of the log was kept. */
  readonly kept: MemberId;
  /** Where the kept copy ended when its member answered; undefined until then. */
  readonly end: EntryId | undefined;
}

/**
 * The copy of this member was given up in favour of the one of another member. What it has promised is void, so until it holds what was
 * kept it must not help anybody to a history beside it: it stands for no election, votes for nobody but the member that kept its copy, and
 * takes entries only from leaders that are known to have that copy.
 */
export class Emptied {
  readonly kept: MemberId;
  readonly context: number;
  readonly #heartbeatTicks: number;
  #end: EntryId | undefined;
  /** The term of the last entry of the kept member: whoever leads that term has given it that entry, and so continues its copy. */
  #keptTerm = NO_TERM;
  #ticks = 0;

  constructor(kept: MemberId, context: number, heartbeatTicks: number) {
    this.kept = kept;
    this.context = context;
    this.#heartbeatTicks = heartbeatTicks;
  }

  /** Whether anything may follow from the message. */
  heeds(message: Message): boolean {
    const { kind, from, term } = message;
    if (from === this.kept || kind === "recovery") return true;
    const leads = kind === "appendEntries" || kind === "heartbeat";
    return leads && term > 0 && term === this.#keptTerm;
  }

  /** Whether the vote of this member may go to `candidate`, whose log ends with `last`. */
  elects(candidate: MemberId, last: EntryId): boolean {
    return candidate === this.kept && this.#end !== undefined && !isBefore(last, this.#end);
  }

  /** Whether it is time to ask the kept member again. */
  tick(): boolean {
    this.#ticks += 1;
    return this.#ticks % this.#heartbeatTicks === 0;
  }

  /** The kept member says where its log ends. What has to be here first is what it had when it said so for the first time. */
  learn({ last }: RecoveryResponse): void {
    this.#end ??= last;
    this.#keptTerm = last.term;
  }

  /** Whether a log of which `durable` is the last durable entry holds what was kept. */
  isFilledBy(durable: EntryId): boolean {
    return this.#end !== undefined && !isBefore(durable, this.#end);
  }

  status(): EmptiedStatus {
    return { kept: this.kept, end: this.#end };
  }
}
