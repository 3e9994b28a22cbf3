import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ledger } from "@annals/flow";
import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { loadConfig } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import pino from "pino";
import { newPlace } from "../src/logDirectory.ts";
import { EarlyScans } from "../src/earlyScans.ts";
import type { LogPlace } from "../src/logDirectory.ts";
import { WorkerPool } from "../src/workerPool.ts";
import type { WorkerPoolOptions } from "../src/workerPool.ts";

export const SELF: MemberId = asMemberId(1);
const POISON = `--import=${new URL("poison.ts", import.meta.url).href}`;

type OnMessage = WorkerPoolOptions["onMessage"];

/** A pool of real worker threads with logs of their own, and of a gateway what the pool needs of one. */
export class PoolHarness {
  readonly pool: WorkerPool;
  readonly ledger = new Ledger();
  readonly places = new Map<number, LogPlace>();
  readonly lines: Readonly<Record<string, unknown>>[] = [];
  /** Names of logs in the order in which they were opened. */
  readonly opened: string[] = [];
  /** The most logs that one worker opened or caught up with at a time. */
  mostCatchingUp = 0;
  readonly #directory: string;

  /** The pool's clock is so far ahead of the process's. */
  aheadMs = 0;

  private constructor(directory: string, config: NodeConfig, behavedMs: number) {
    this.#directory = directory;
    const write = (line: string): void => void this.lines.push(JSON.parse(line));
    this.pool = new WorkerPool({
      setup: { config, clusterId: "x", fingerprint: "f", self: SELF },
      members: () => [{ member: SELF, node: "a", address: "127.0.0.1:1" }],
      scans: new EarlyScans(directory, []),
      logger: pino({ level: "info" }, { write }),
      ledger: this.ledger,
      clocks: { heard: () => [], onHeard: undefined },
      onMessage: (worker, message) => this.#message(worker, message),
      onLost: () => undefined,
      behavedMs,
      now: () => this.now(),
    });
  }

  static async start(extra: string, behavedMs = 3_600_000): Promise<PoolHarness> {
    const directory = await mkdtemp(join(tmpdir(), "annals-pool-"));
    const text = `data: ${directory}\nraft: { tick: 20ms, electionTicks: 5 }\n${extra}`;
    const loaded = loadConfig({ text, env: {} });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    process.execArgv.push(POISON);
    return new PoolHarness(directory, loaded.config, behavedMs);
  }

  now(): number {
    return performance.now() + this.aheadMs;
  }

  /** When each log was handed over after a death, by the clock of the pool, in order. */
  handedOverAtMs(): readonly number[] {
    return this.lines
      .filter(({ msg }) => msg === "log handed over")
      .map(({ atMs }) => Number(atMs));
  }

  /** Logs are numbered from 1. */
  assign(name: string, voters: readonly MemberId[] = [SELF]): LogPlace {
    const id = this.places.size + 1;
    const place = newPlace({ id, name, voters }, true);
    this.places.set(id, place);
    this.pool.assign(place);
    return place;
  }

  /** From now on every worker that is given this log ends. */
  async poison(name: string): Promise<void> {
    await writeFile(join(this.#directory, `kill-${name}`), "");
  }

  async cure(name: string): Promise<void> {
    await rm(join(this.#directory, `kill-${name}`));
  }

  /** Asks the log's worker something, and so lets poison work. */
  touch({ worker, entry }: LogPlace): void {
    worker?.request<"status">(entry.id, { op: "status" }).catch(() => undefined);
  }

  #message(worker: Parameters<OnMessage>[0], message: Parameters<OnMessage>[1]): void {
    this.#observe();
    const place = "logId" in message ? this.places.get(message.logId) : undefined;
    if (place === undefined || place.worker !== worker) return;
    if (message.kind === "opened") {
      place.opened = true;
      this.opened.push(place.entry.name);
    } else if (message.kind === "caughtUp") {
      place.catchingUp = false;
      this.pool.wake();
    } else if (message.kind === "openFailed") throw new Error(message.error.message);
  }

  #observe(): void {
    const counts = this.pool.views().map(({ catchingUp }) => catchingUp.length);
    this.mostCatchingUp = Math.max(this.mostCatchingUp, ...counts);
  }

  async close(): Promise<void> {
    process.execArgv.splice(process.execArgv.indexOf(POISON), 1);
    await this.pool.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
