import type { LogIndex } from "@annals/raft";
import type { AnnalsError, Seq } from "@annals/record";
import type { GroupCommand, GroupId, LanePosition } from "./groupCommand.ts";
import type { LaneState } from "./groups.ts";

/** Lanes in one command: far below what an entry may have. */
const LANES_AT_ONCE = 1024;

export interface GroupCommitsOptions {
  readonly propose: (command: GroupCommand) => Promise<LogIndex>;
  readonly lane: (group: GroupId, lane: number) => LaneState | undefined;
}

interface Waiter {
  readonly resolve: (position: Seq) => void;
  readonly reject: (error: AnnalsError) => void;
  readonly fenced: () => AnnalsError;
}

interface Pending {
  at: LanePosition;
  readonly waiters: Waiter[];
}

/**
 * Positions on their way into the log. One command at a time carries the latest position of every lane that has one, so a consumer that
 * commits after every record costs no more entries than one that does not. Waiters are requests, which are counted at the gateway.
 */
export class GroupCommits {
  readonly #options: GroupCommitsOptions;
  #pending = new Map<string, Pending>();
  #busy = false;

  constructor(options: GroupCommitsOptions) {
    this.#options = options;
  }

  /** Resolves with the position of the lane once this one, or a later one, is committed. */
  add(at: LanePosition, fenced: () => AnnalsError): Promise<Seq> {
    return new Promise((resolve, reject) => {
      const key = `${at.group}:${at.lane}:${at.token}`;
      const pending = this.#pending.get(key) ?? { at, waiters: [] };
      if (at.position > pending.at.position) pending.at = at;
      pending.waiters.push({ resolve, reject, fenced });
      this.#pending.set(key, pending);
    });
  }

  /** Proposes what has gathered, unless the last command is still under way. */
  flush(): void {
    if (this.#busy || this.#pending.size === 0) return;
    const taken = [...this.#pending].slice(0, LANES_AT_ONCE);
    for (const [key] of taken) this.#pending.delete(key);
    this.#busy = true;
    void this.#propose(taken.map(([, pending]) => pending));
  }

  async #propose(taken: readonly Pending[]): Promise<void> {
    try {
      await this.#options.propose({ op: "commit", positions: taken.map(({ at }) => at) });
      for (const { at, waiters } of taken) this.#settle(at, waiters);
    } catch (error) {
      for (const { waiters } of taken)
        for (const { reject } of waiters) reject(error as AnnalsError);
    } finally {
      this.#busy = false;
    }
  }

  #settle({ group, lane, token }: LanePosition, waiters: readonly Waiter[]): void {
    const found = this.#options.lane(group, lane);
    for (const { resolve, reject, fenced } of waiters) {
      if (found?.token === token) resolve(found.position);
      else reject(fenced());
    }
  }

  rejectAll(error: () => AnnalsError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { waiters } of pending) for (const { reject } of waiters) reject(error());
  }
}
