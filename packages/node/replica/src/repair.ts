import type { Backoff } from "@annals/flow";
import { asIndex } from "@annals/raft";
import type { Entry, LogIndex, Term } from "@annals/raft";
import { equalBytes } from "@annals/record";
import { Witnesses } from "./witnesses.ts";

/**
 * Entries of a log that are missing or not what was written. What is on both sides of them is known, so whatever takes their place can
 * be proven to be the same, byte for byte.
 */
export interface DamagedRun {
  readonly from: LogIndex;
  /** Inclusive. */
  readonly to: LogIndex;
  /** Chain hash of the entry before `from`. */
  readonly before: Uint8Array;
  /** Chain hash of the entry at `to`. */
  readonly hash: Uint8Array;
}

/** What a peer answers: entries from the first one that was asked for, without a gap, as many as it likes to send, at least one. */
export interface RepairPage {
  readonly entries: readonly Entry[];
  /** The chain hash of the entry before the first one; undefined where the peer does not know it. */
  readonly previousHash?: Uint8Array | undefined;
  /** The term in which the peer leads the log, 0 when it does not. Default: 0. */
  readonly leads?: Term;
  /** Up to here the peer's log is committed. */
  readonly commitIndex: LogIndex;
}

/** Takes entries that are not proven yet. Nothing of it has an effect before `commit`. */
export interface RepairSink {
  /** In order, beginning with the first entry of the run. */
  write(entries: readonly Entry[]): Promise<void>;
  /** What was written is proven. */
  commit(): Promise<void>;
  /** What was written is void; the run begins anew. */
  discard(): Promise<void>;
}

export interface RepairOptions<Peer> {
  readonly run: DamagedRun;
  /** The own commit index: at or below it nothing can be superseded. */
  readonly commitIndex: LogIndex;
  /** So many peers must have committed the same other entries, each by its own word, before ours count as superseded. */
  readonly witnessesNeeded: () => number;
  /** Whom to ask, best first; may change at any time. */
  readonly peers: () => readonly Peer[];
  /** Asks for entries from `from` up to `to`. Settles in bounded time; silence and refusal are "unavailable". Untrusted. */
  readonly fetch: (peer: Peer, from: LogIndex, to: LogIndex) => Promise<RepairPage | "unavailable">;
  readonly sink: RepairSink;
  /** The chain hash of `entry` after `previous`. */
  readonly chain: (previous: Uint8Array, entry: Entry) => Uint8Array;
  /** Resolves after so many ms. */
  readonly wait: (ms: number) => Promise<void>;
  /** Between rounds in which nobody had what is missing. */
  readonly backoff: Pick<Backoff, "nextMs" | "progress">;
  /** Told once per index: no peer has the entries from `from` on. */
  readonly onMissing: (from: LogIndex, to: LogIndex) => void;
}

/**
 * How a repair ends. `superseded`: enough peers have committed other entries in the place of ours, which were thus never committed; they
 * cannot be got back, and this disk must not go on as the voter that may have promised them.
 */
export type RepairOutcome = "repaired" | "superseded" | "stopped";

export interface RepairStatus {
  readonly from: LogIndex;
  readonly to: LogIndex;
  /** What is asked for next. */
  readonly next: LogIndex;
  /** Whether every peer was asked for `next` in vain. */
  readonly missing: boolean;
  /** Entries that came from peers and were kept or are still to be proven. */
  readonly fetched: number;
  /** How often a whole run did not end in the hash that it must end in. */
  readonly mismatches: number;
  /** Peers that agree on what they have committed in the place of the run. */
  readonly witnesses: number;
  /** Rounds in which nobody had what is missing. */
  readonly vainRounds: number;
}

/**
 * Gets one damaged run back from peers, before the replica of the log runs again. Asks one peer after the other, a page at a time, and
 * stays with whoever answers; at the end the chain must lead from `before` to `hash`, or everything is discarded and tried without one
 * of those it came from. Goes on for ever while nobody has it: a log that waits is an incident, one with a hole is a forged one.
 */
export class RunRepair<Peer> {
  readonly #options: RepairOptions<Peer>;
  readonly #stopping: Promise<"stopped">;
  #stop: () => void = () => {};
  #stopped = false;
  #next: LogIndex;
  #head: Uint8Array;
  /** The last entry that any attempt has come to. */
  #furthest: number;
  /** Whom the entries of this attempt came from. */
  #sources = new Set<Peer>();
  /** Whether all entries of this attempt are committed where they came from. */
  #allCommitted = true;
  /** Not asked in this attempt. */
  readonly #excluded = new Set<Peer>();
  readonly #witnesses = new Witnesses<Peer>();
  #favourite: Peer | undefined;
  #missing = false;
  #toldMissing: LogIndex | undefined;
  #fetched = 0;
  #mismatches = 0;
  #vainRounds = 0;

  constructor(options: RepairOptions<Peer>) {
    this.#options = options;
    this.#next = options.run.from;
    this.#head = options.run.before;
    this.#furthest = options.run.from - 1;
    this.#stopping = new Promise((resolve) => {
      this.#stop = () => resolve("stopped");
    });
  }

  status(): RepairStatus {
    const { from, to } = this.#options.run;
    return {
      from,
      to,
      next: this.#next,
      missing: this.#missing,
      fetched: this.#fetched,
      mismatches: this.#mismatches,
      witnesses: this.#witnesses.agreeing,
      vainRounds: this.#vainRounds,
    };
  }

  /** Ends `run` soon; what was written stays without effect. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  /** Called once. Rejects only with what the sink rejects with. */
  async run(): Promise<RepairOutcome> {
    const { run, sink } = this.#options;
    while (!this.#stopped) {
      if (this.#next > run.to) {
        if (equalBytes(this.#head, run.hash)) {
          await sink.commit();
          return "repaired";
        }
        if (this.#isOutvoted()) return "superseded";
        await this.#refuted();
      } else await this.#page();
    }
    return "stopped";
  }

  /** Whether enough peers have committed other entries here. What came from several of them is nobody's word. */
  #isOutvoted(): boolean {
    const { run, commitIndex, witnessesNeeded } = this.#options;
    const [source] = this.#sources;
    const told = source !== undefined && this.#sources.size === 1 && this.#allCommitted;
    if (!told || run.to <= commitIndex) return false;
    this.#witnesses.hear(source, this.#head);
    return this.#witnesses.agreeing >= witnessesNeeded();
  }

  /** One page from whoever has it, or a wait when nobody does. */
  async #page(): Promise<void> {
    const next = this.#next;
    for (const peer of this.#order()) {
      const page = await this.#ask(peer);
      if (this.#stopped) return;
      if (page === "unavailable") continue;
      await this.#take(peer, page);
      return;
    }
    this.#missing = true;
    this.#vainRounds += 1;
    // Those that were left out had other entries than the others; with nobody else there, they get another chance.
    this.#excluded.clear();
    if (this.#toldMissing !== next) this.#options.onMissing(next, this.#options.run.to);
    this.#toldMissing = next;
    await Promise.race([this.#options.wait(this.#options.backoff.nextMs()), this.#stopping]);
  }

  async #ask(peer: Peer): Promise<RepairPage | "unavailable"> {
    const { fetch, run } = this.#options;
    const page = await Promise.race([fetch(peer, this.#next, run.to), this.#stopping]);
    if (page === "stopped" || page === "unavailable") return "unavailable";
    return isContiguous(page.entries, this.#next, run.to) ? page : "unavailable";
  }

  async #take(peer: Peer, page: RepairPage): Promise<void> {
    let head = this.#head;
    let last: LogIndex = this.#next;
    for (const entry of page.entries) {
      head = this.#options.chain(head, entry);
      last = entry.index;
    }
    await this.#options.sink.write(page.entries);
    this.#head = head;
    this.#next = asIndex(last + 1);
    this.#fetched += page.entries.length;
    this.#sources.add(peer);
    this.#allCommitted &&= last <= page.commitIndex;
    this.#favourite = peer;
    this.#missing = false;
    // Fetching again what was refuted is no progress.
    if (last > this.#furthest) this.#options.backoff.progress();
    this.#furthest = Math.max(this.#furthest, last);
  }

  /** Whoever answered last is asked first: a run comes from as few peers as possible. */
  #order(): readonly Peer[] {
    const peers = this.#options.peers().filter((peer) => !this.#excluded.has(peer));
    const favourite = peers.find((peer) => peer === this.#favourite);
    if (favourite === undefined) return peers;
    return [favourite, ...peers.filter((peer) => peer !== favourite)];
  }

  /** Somebody's entries were wrong: if they all came from one, from that one; else each is left out once in turn. */
  async #refuted(): Promise<void> {
    const { sink, run, backoff, wait } = this.#options;
    await sink.discard();
    const sources = [...this.#sources];
    const suspect = sources[this.#mismatches % sources.length];
    if (sources.length > 1) this.#excluded.clear();
    if (suspect !== undefined) this.#excluded.add(suspect);
    this.#mismatches += 1;
    this.#next = run.from;
    this.#head = run.before;
    this.#sources = new Set();
    this.#allCommitted = true;
    this.#favourite = undefined;
    await Promise.race([wait(backoff.nextMs()), this.#stopping]);
  }
}

/** Peers are not trusted to answer what was asked for. */
function isContiguous(entries: readonly Entry[], from: LogIndex, to: LogIndex): boolean {
  return (
    entries.length > 0 &&
    entries.every((entry, k) => entry.index === from + k) &&
    from + entries.length - 1 <= to
  );
}
