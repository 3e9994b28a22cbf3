import { asIndex } from "@annals/raft";
import type { LogIndex } from "@annals/raft";
import type { Head, SegmentState } from "./segmentState.ts";
import { Sidecar } from "./sidecar.ts";

/** How far the log may run ahead of the sidecar before it is written again, off the path of acknowledgements. */
const LAG_ENTRIES_MAX = 512;

/**
 * Keeps the sidecar a lower bound of what the segments hold: never ahead of them, and for term and vote never behind what has been
 * promised.
 */
export class Attestor {
  readonly #sidecar: Sidecar;
  readonly #firstIndex: LogIndex;
  #writing: Promise<void> | undefined;
  /** False until this owner has flushed it: what it found may be in memory only, if the flush of the one before has failed. */
  #flushed = false;
  /** Why a write has failed; the file is not written any more. */
  #failure: { readonly cause: unknown } | undefined;

  constructor(sidecar: Sidecar, firstIndex: LogIndex) {
    this.#sidecar = sidecar;
    this.#firstIndex = firstIndex;
  }

  /** Before a truncation: entries from `from` on are about to go, so the sidecar stops vouching for them first. */
  async beforeTruncation(from: LogIndex, state: SegmentState, kept: Head): Promise<void> {
    await this.#writing;
    if (this.#sidecar.attested.last >= from) await this.#write(state, kept);
  }

  /** After a commit, before it is reported: a new term or vote is on disk twice before anything that depends on it leaves the node. */
  async afterCommit(state: SegmentState): Promise<void> {
    const { term, votedFor } = this.#sidecar.attested;
    if (this.#failure !== undefined) throw this.#failure.cause;
    const same = state.hardState.term === term && state.hardState.votedFor === votedFor;
    if (same && this.#flushed) return;
    await this.#writing;
    await this.#write(state, state.head);
  }

  /** Catches up in the background, at most one write at a time. The next call to `afterCommit` rejects with its failure. */
  catchUp(state: SegmentState): void {
    if (this.#writing !== undefined || this.#failure !== undefined) return;
    if (state.head.index < this.#sidecar.attested.last + LAG_ENTRIES_MAX) return;
    this.#writing = this.#write(state, state.head)
      .catch(() => undefined)
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Opens the sidecar of a log that was opened on a disk without room. */
  async open(): Promise<void> {
    await this.#sidecar.openFile();
  }

  async #write(state: SegmentState, head: Head): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.cause;
    const { term, votedFor } = state.hardState;
    const first = this.#firstIndex;
    try {
      const { index: last, hash } = head;
      await this.#sidecar.write({ first, last, hash, term, votedFor });
    } catch (cause) {
      this.#failure = { cause };
      throw cause;
    }
    this.#flushed = true;
  }

  /** `state` undefined: something has failed, nothing is vouched for any more. */
  async close(state: SegmentState | undefined): Promise<void> {
    await this.#writing;
    const behind =
      state !== undefined &&
      this.#failure === undefined &&
      this.#sidecar.writable &&
      state.head.index > asIndex(this.#sidecar.attested.last);
    if (behind) await this.#write(state, state.head);
    await this.#sidecar.close();
  }
}
