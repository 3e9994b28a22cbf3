import type { LogIndex, Term } from "@annals/raft";
import type { AnnalsError } from "@annals/record";

interface PendingCommand {
  readonly term: Term;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: AnnalsError) => void;
}

/** Commands that are proposed and not yet applied, by the index they were given. Bounded by the core's limit on uncommitted bytes. */
export class PendingCommands {
  readonly #commands = new Map<LogIndex, PendingCommand>();

  add(index: LogIndex, command: PendingCommand): void {
    this.#commands.set(index, command);
  }

  /** The entry at `index` is applied; if it is of another term, ours is gone for good. */
  applied(index: LogIndex, term: Term, lost: () => AnnalsError): void {
    const command = this.#commands.get(index);
    if (command === undefined) return;
    this.#commands.delete(index);
    if (command.term === term) command.resolve(index);
    else command.reject(lost());
  }

  rejectAll(error: () => AnnalsError): void {
    const commands = [...this.#commands.values()];
    this.#commands.clear();
    for (const command of commands) command.reject(error());
  }
}
