import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "@annals/flow";
import { asTerm } from "@annals/raft";
import type { LogIndex, MemberId } from "@annals/raft";
import { RunRepair, witnessesNeeded } from "@annals/replica";
import type { RepairOutcome } from "@annals/replica";
import {
  diagnoseLog,
  DiskFloor,
  diskRefusal,
  hashEntry,
  isDiskRefusal,
  LogRepair,
  probeDisk,
} from "@annals/storage";
import type { Diagnosis, RunToRepair } from "@annals/storage";
import type { PageFrame } from "@annals/wire";
import type { DiskWait } from "./diskWait.ts";
import type { RepairNote } from "./lane/messages.ts";
import { pageLimits } from "./pageLimits.ts";
import { RepairPeers } from "./repairPeers.ts";
import type { RepairPeersOptions } from "./repairPeers.ts";
import { replicaConfig } from "./replicaConfig.ts";

export interface LogMenderOptions extends RepairPeersOptions {
  readonly directory: string;
  readonly diskWait: DiskWait;
  readonly onNote: (note: RepairNote) => void;
  readonly onLine: (
    level: "info" | "warn",
    text: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

export type MendOutcome =
  | { readonly kind: "sound" | "repaired" | "stopped" }
  | { readonly kind: "unusable"; readonly what: string };

type Damaged = Extract<Diagnosis, { kind: "damaged" }>;

type Source = "self" | MemberId;

const ROUND_INITIAL_MS = 100;
const ROUND_MAX_MS = 5000;
const PROBLEMS_TOLD = 5;
/** Between two looks whether there is room by now. */
const ROOM_RETRY_MS = 5000;

/** Makes one damaged log of this node whole again while its replica is not running, and lends peers what is intact of it meanwhile. */
export class LogMender {
  readonly #options: LogMenderOptions;
  readonly #peers: RepairPeers;
  #repair: LogRepair | undefined;
  #current: RunRepair<Source> | undefined;
  readonly #stopping = new AbortController();

  constructor(options: LogMenderOptions) {
    this.#options = options;
    this.#peers = new RepairPeers(options);
  }

  /** Entries that are intact here, for peers that are damaged elsewhere; undefined before it is known which are. */
  page(from: LogIndex, to: LogIndex): Omit<PageFrame, "kind" | "from"> | undefined {
    if (this.#repair === undefined) return undefined;
    const { maxEntries, maxBytes } = pageLimits(this.#options.setup.config);
    const entries = this.#repair.entries(from, to, maxEntries, maxBytes);
    return { entries, commitIndex: this.#repair.commitIndex, leads: asTerm(0) };
  }

  /** Ends `mend` soon; the log stays as it was. */
  stop(): void {
    this.#stopping.abort();
    this.#current?.stop();
    this.#peers.close();
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /**
   * Reads the whole log, and repairs what is damaged; goes on for ever while peers lack it, or while the disk refuses. Rejects on failures
   * of the disk.
   */
  async mend(): Promise<MendOutcome> {
    const { onNote, onLine } = this.#options;
    onNote({ what: "being read", entries: undefined, missing: false });
    try {
      const diagnosis = await this.#diagnose();
      if (diagnosis === "stopped") return { kind: "stopped" };
      if (diagnosis.kind !== "damaged") return diagnosis;
      const outcome = await this.#rebuildWithRoom(diagnosis);
      if (outcome === "repaired") onLine("warn", "log repaired", {});
      return outcome === "superseded" ? { kind: "unusable", what: SUPERSEDED } : { kind: outcome };
    } finally {
      this.#peers.close();
    }
  }

  /** Damage is believed only on a disk that does not refuse: what looks like it on a full one may be gone with the next try. */
  async #diagnose(): Promise<Diagnosis | "stopped"> {
    const { directory, diskWait } = this.#options;
    while (!this.#stopped) {
      try {
        const diagnosis = await diagnoseLog(directory);
        if (this.#stopped) return "stopped";
        const refusal = diagnosis.kind === "sound" ? undefined : await probeDisk(directory);
        if (refusal === undefined) {
          diskWait.over();
          return diagnosis;
        }
        await diskWait.wait(refusal);
      } catch (error) {
        if (!isDiskRefusal(error)) throw error;
        await diskWait.wait(error);
      }
    }
    return "stopped";
  }

  /** A disk without room for a second copy is waited for, as peers are: the damaged one stays as it is. */
  async #rebuildWithRoom(diagnosis: Damaged): Promise<RepairOutcome> {
    const { onNote, onLine } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#rebuild(diagnosis);
      } catch (thrown) {
        const error = diskRefusal(thrown, this.#options.directory);
        if (error === undefined) throw thrown;
        const { code, message } = error;
        onNote({ what: message, entries: undefined, missing: false });
        if (tries === 1) onLine("warn", "no room to rebuild a damaged log", { code, message });
      }
      await delay(ROOM_RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopped) return "stopped";
    }
  }

  async #rebuild(diagnosis: Damaged): Promise<RepairOutcome> {
    const { directory, setup, onLine } = this.#options;
    const { config } = setup;
    const repair = await LogRepair.begin({
      directory,
      diagnosis,
      segmentBytes: config.storage.segmentBytes,
      floor: new DiskFloor(directory, config.storage.minFreeBytes),
      maxProducers: replicaConfig(config).maxProducers,
    });
    this.#repair = repair;
    try {
      const entries = repair.runs.map(({ run }) => `${run.from}–${run.to}`);
      const problems = diagnosis.problems.slice(0, PROBLEMS_TOLD);
      onLine("warn", "log damaged: rebuilding it from its peers", { entries, problems });
      for (const one of repair.runs) {
        const outcome = await this.#fetchRun(repair, one);
        if (outcome !== "repaired") return outcome;
      }
      await repair.finish();
      return "repaired";
    } finally {
      this.#repair = undefined;
      await repair.close();
    }
  }

  async #fetchRun(repair: LogRepair, { run, sink }: RunToRepair): Promise<RepairOutcome> {
    const { onNote, onLine } = this.#options;
    const { from, to } = run;
    onNote({ what: "damaged", entries: { from, to }, missing: false });
    const current = new RunRepair<Source>({
      run,
      sink,
      commitIndex: repair.commitIndex,
      witnessesNeeded: () => witnessesNeeded(this.#peers.members().length),
      peers: () => ["self", ...this.#peers.members()],
      fetch: async (peer, first, last) => {
        if (peer !== "self") return this.#peers.fetch(peer, first, last);
        const page = this.page(first, last);
        return page === undefined || page.entries.length === 0 ? "unavailable" : page;
      },
      chain: hashEntry,
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
      backoff: new Backoff({
        initialMs: ROUND_INITIAL_MS,
        maxMs: ROUND_MAX_MS,
        randomBelow: randomInt,
      }),
      onMissing: (first, last) => {
        onNote({ what: "damaged", entries: { from: first, to: last }, missing: true });
        onLine("warn", "no node has these entries: the log stays closed until one comes back", {
          from: first,
          to: last,
        });
      },
    });
    this.#current = current;
    if (this.#stopped) current.stop();
    const outcome = await current.run();
    const { fetched, mismatches, witnesses, vainRounds } = current.status();
    onLine("info", "damaged entries", {
      from,
      to,
      outcome,
      fetched,
      mismatches,
      witnesses,
      vainRounds,
    });
    return outcome;
  }
}

const SUPERSEDED =
  "damaged entries were never committed, and the others have committed other ones in their place";
