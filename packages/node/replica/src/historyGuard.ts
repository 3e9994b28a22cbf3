import type { LogIndex, MemberId, Message, RaftCore } from "@annals/raft";
import type { Divergence, HistoryClaim, HistoryProof } from "./divergence.ts";
import { provesDivergence } from "./divergence.ts";
import type { ReplicaOptions } from "./options.ts";

interface HistoryGuardHooks {
  /** It is proven: from now on nothing is acknowledged. Called once, before anything is saved. */
  readonly onProven: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Confirms suspicions. A message that tells of another history proves nothing: the member whose history it is said to be is asked itself,
 * one question in the air at most, and only its own bytes stop this replica.
 */
export class HistoryGuard {
  readonly #core: RaftCore;
  readonly #options: ReplicaOptions;
  readonly #hooks: HistoryGuardHooks;
  #asking = false;
  #proven: Divergence | undefined;
  #saved: Divergence | undefined;

  constructor(core: RaftCore, options: ReplicaOptions, hooks: HistoryGuardHooks) {
    this.#core = core;
    this.#options = options;
    this.#hooks = hooks;
    this.#proven = options.histories?.known;
    this.#saved = this.#proven;
  }

  /** Set as soon as it is proven. */
  get proven(): Divergence | undefined {
    return this.#proven;
  }

  /** Set when it is durable. */
  get saved(): Divergence | undefined {
    return this.#saved;
  }

  suspect(member: MemberId, index: LogIndex): void {
    const { histories } = this.#options;
    if (histories === undefined || this.#asking || this.#proven !== undefined) return;
    this.#asking = true;
    histories
      .confirm(member, index)
      .then((proof) => {
        this.#asking = false;
        if (proof !== "unavailable" && proof.entry.index === index) this.#judge(member, proof);
      })
      .catch((error: unknown) => this.#hooks.onError(error));
  }

  #judge(member: MemberId, proof: HistoryProof): void {
    const { store, clock } = this.#options;
    const core = this.#core;
    const { index, term } = proof.entry;
    const { role, commitIndex } = core;
    const at = core.historyAt(index);
    const hash = store.chain(proof.previousHash, proof.entry);
    const { lastIndex } = core.status();
    if (this.#proven !== undefined) return;
    if (!provesDivergence({ role, commitIndex, lastIndex, at }, proof, hash)) return;
    const claim = (of: typeof at, committed: LogIndex): HistoryClaim | undefined =>
      of && { index, term: of.term, hash: hex(of.hash), commitIndex: committed };
    const divergence: Divergence = {
      since: clock.wallTime(),
      own: claim(at, commitIndex),
      other: { member, index, term, hash: hex(hash), commitIndex: proof.commitIndex },
    };
    this.#proven = divergence;
    this.#hooks.onProven();
    void this.#save(divergence);
  }

  async #save(divergence: Divergence): Promise<void> {
    try {
      await this.#options.histories?.save(divergence);
      this.#saved = divergence;
      this.#options.events.onDiverged?.(divergence);
    } catch (error) {
      this.#hooks.onError(error);
    }
  }

  /**
   * What a replica that stands still says to heartbeats: it confirms no read and acknowledges nothing, and tells what is committed here, so
   * that a leader that does not have it learns of it. Everything else stays without an answer.
   */
  answer(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.kind !== "heartbeat" || message.to !== this.#options.self) continue;
      this.#options.transport.send(message.from, [this.#pulse(message)]);
    }
  }

  #pulse({ from: to, to: from, term }: Message): Message {
    const { commitIndex: index, term: ownTerm } = this.#core;
    const at = this.#core.historyAt(index);
    return {
      kind: "heartbeatResponse",
      from,
      to,
      term: ownTerm > term ? ownTerm : term,
      committed: at && { index, hash: at.hash },
      readToken: 0,
    };
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
