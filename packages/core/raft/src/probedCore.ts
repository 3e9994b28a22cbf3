import { RaftCore } from "./core.ts";
import type { Message } from "./message.ts";
import type { StepOutcome } from "./outcome.ts";
import type { AppendTicket } from "./ready.ts";
import { stepKnown } from "./step.ts";
import type { LogIndex, Term } from "./types.ts";

/**
 * A core for transcripts and tests of the core itself. It can do what no driver needs: decide a random timeout, apply ahead of the own
 * disk, and let the parts of a storage completion arrive one by one. No production code makes one.
 */
export class ProbedRaftCore extends RaftCore {
  /** Synchronous storage: what is committed may be applied in the same turn that writes it. */
  applyAheadOfDisk(): void {
    this.applyUnstable = true;
  }

  /** Replaces the drawn election timeout until the next change of role. */
  setElectionTimeout(ticks: number): void {
    this.raft.electionTimeout = ticks;
  }

  /** The term of the entry at `index`, durable or not; undefined if it is compacted or not here. */
  termAt(index: LogIndex): Term | undefined {
    return this.raft.log.term(index);
  }

  /** One of a ticket's `afterDurable` messages that is addressed to this member, on its own. Checked like a peer's response. */
  stepOwn(message: Message): StepOutcome {
    return stepKnown(this.raft, message);
  }

  /** The rest of a ticket's completion, after its messages were stepped on their own. Replaces `appendDone`; never use both. */
  completeOnly(ticket: AppendTicket): void {
    this.completeTicket(ticket);
  }
}
