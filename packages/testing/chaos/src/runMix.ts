import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ProcessCluster, drawAddresses } from "@annals/drill";
import type { Violation } from "@annals/check";
import { LOG } from "./auditLog.ts";
import { FAULTS } from "./faultKinds.ts";
import type { FaultKind } from "./faultKinds.ts";
import { History } from "./history.ts";
import type { Mix } from "./mixes.ts";
import { ReadLedger } from "./readLedger.ts";
import { drawSchedule, struckNodes } from "./schedule.ts";
import type { FaultEvent } from "./schedule.ts";
import type { Heal, Strikes } from "./strike.ts";
import type { Tool } from "./tool.ts";
import { environment, openTools } from "./tools.ts";
import { judge, statesOf } from "./verify.ts";
import { Workload } from "./workload.ts";

/** The built command. */
const ENTRY = join(import.meta.dirname, "../../../apps/cli/dist/main.js");
const BORN_WITHIN_MS = 90_000;
/** With every fault healed, the next append must be acknowledged within this time. */
const SERVES_WITHIN_MS = 45_000;
const PROGRESS_MS = 250;
/** A broken rule is seldom alone; the first few tell the story. */
const VIOLATIONS_MAX = 20;
const LOG_LINES = 40;

export interface MixRun {
  readonly mix: Mix;
  readonly seed: number;
  readonly seconds: number;
  readonly nodes: readonly string[];
  /** Made for this run, and left to the caller. */
  readonly directory: string;
  /** Where the probes have left what they compiled. */
  readonly nativeDirectory: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MixProgress) => void;
}

export interface MixProgress {
  readonly phase: "birth" | "faults" | "healed" | "judged";
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly reads: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly elections: number;
  readonly longestGapMs: number;
}

export interface MixResult extends MixProgress {
  readonly mix: Mix;
  readonly seed: number;
  readonly violations: readonly Violation[];
}

/** One cluster from birth to judgement: faults and clients at once, then peace, in which everything must come right. */
export async function runMix(run: MixRun): Promise<MixResult> {
  await mkdir(run.directory, { recursive: true });
  const once = new Chaos(run);
  try {
    await once.run();
  } catch (error) {
    if (run.signal.aborted) throw error;
    once.broken(error);
  } finally {
    await once.close();
  }
  return once.result();
}

class Chaos {
  readonly #run: MixRun;
  readonly #history = new History();
  readonly #ledger: ReadLedger;
  readonly #violations: Violation[] = [];
  readonly #faults = new Map<FaultKind, number>();
  readonly #healing = new Set<Promise<void>>();
  #phase: MixProgress["phase"] = "birth";
  #tools: readonly Tool[] = [];
  #cluster: ProcessCluster | undefined;
  #workload: Workload | undefined;

  constructor(run: MixRun) {
    this.#run = run;
    this.#ledger = new ReadLedger(this.#report);
  }

  readonly #report = (rule: string, text: string): void => {
    if (this.#violations.length < VIOLATIONS_MAX) this.#violations.push({ rule, text });
  };

  /** What the harness itself could not do is a failure, too: nothing was shown. */
  broken(error: unknown): void {
    this.#report("the harness works", error instanceof Error ? (error.stack ?? "") : String(error));
  }

  get #progress(): MixProgress {
    return {
      phase: this.#phase,
      acknowledged: this.#history.acknowledged,
      refused: this.#history.refused,
      unknown: this.#history.unknown,
      reads: this.#ledger.pages,
      faults: this.#faults,
      elections: this.#cluster?.elections ?? 0,
      longestGapMs: this.#history.longestGapMs,
    };
  }

  result(): MixResult {
    const { mix, seed } = this.#run;
    return { ...this.#progress, mix, seed, violations: this.#violations };
  }

  async run(): Promise<void> {
    const { onProgress } = this.#run;
    const ticker = setInterval(() => onProgress(this.#progress), PROGRESS_MS);
    try {
      const cluster = await this.#birth();
      if (cluster === undefined) return;
      await this.#strikeAll(cluster);
      await this.#peace(cluster);
      this.#phase = "judged";
      const { signal } = this.#run;
      const parts = { history: this.#history, ledger: this.#ledger, report: this.#report, signal };
      if (this.#violations.length === 0) await judge({ cluster, ...parts });
    } finally {
      clearInterval(ticker);
      await this.#keepEvidence();
    }
  }

  async #birth(): Promise<ProcessCluster | undefined> {
    const { nodes, directory, nativeDirectory, mix, seed, signal } = this.#run;
    const addresses = await drawAddresses(nodes);
    const needs = new Set(Object.keys(mix.rates).map((kind) => FAULTS[kind as FaultKind].needs));
    const dataOf = (id: string): string => join(directory, "data", id);
    const site = { directory, ids: nodes, addresses, dataOf, nativeDirectory, needs };
    this.#tools = await openTools(site);
    const cluster = await ProcessCluster.start({
      directory,
      entry: ENTRY,
      addresses,
      dataOf,
      configOf: (id) => configText(addresses, dataOf(id)),
      envOf: (id) => environment(this.#tools, id),
      log: LOG,
      onBadExit: (text) => this.#report("no node ends by itself", text),
    });
    this.#cluster = cluster;
    this.#workload = new Workload({
      urls: cluster.urls,
      history: this.#history,
      ledger: this.#ledger,
      seed,
    });
    const born = await cluster.until(BORN_WITHIN_MS, signal, () => cluster.leader);
    if (born === undefined) this.#report("is born", `no leader ${BORN_WITHIN_MS} ms after start`);
    return born === undefined ? undefined : cluster;
  }

  async #strikeAll(cluster: ProcessCluster): Promise<void> {
    const { mix, nodes, seconds, seed, signal } = this.#run;
    const strikes: Strikes = Object.assign({}, ...this.#tools.map((tool) => tool.strikes(cluster)));
    const durationMs = seconds * 1000;
    const schedule = drawSchedule({ rates: mix.rates, nodes, durationMs, seed });
    await writeFile(
      join(this.#run.directory, "schedule.jsonl"),
      schedule.map((event) => `${JSON.stringify(event)}\n`).join(""),
    );
    this.#phase = "faults";
    this.#history.startClock();
    this.#workload?.start();
    const begun = performance.now();
    const reach = async (atMs: number): Promise<void> => {
      await sleep(Math.max(0, begun + atMs - performance.now()), undefined, { signal });
    };
    for (const event of schedule) {
      await reach(event.atMs);
      this.#strike(event, strikes, cluster, begun);
    }
    await reach(durationMs);
    await Promise.all(this.#healing);
  }

  /** Strikes without waiting, and heals in time. */
  #strike(event: FaultEvent, strikes: Strikes, cluster: ProcessCluster, begun: number): void {
    const { signal } = this.#run;
    const strike = strikes[event.kind];
    if (strike === undefined) return;
    const whole = async (): Promise<void> => {
      const heal: Heal | undefined = await strike(struckNodes(event, cluster.leader), event);
      if (heal === undefined) return;
      this.#faults.set(event.kind, (this.#faults.get(event.kind) ?? 0) + 1);
      const leftMs = begun + event.untilMs - performance.now();
      await sleep(Math.max(0, leftMs), undefined, { signal }).catch(() => undefined);
      await heal();
    };
    const healed = whole().catch((error: unknown) => {
      this.#report("faults can be injected", `${event.kind}: ${String(error)}`);
    });
    this.#healing.add(healed);
    void healed.finally(() => this.#healing.delete(healed));
  }

  /** Everything is healed: the cluster serves again, and all that was asked gets its answer. */
  async #peace(cluster: ProcessCluster): Promise<void> {
    const { signal } = this.#run;
    for (const tool of this.#tools) await tool.heal?.();
    this.#phase = "healed";
    const before = this.#history.acknowledged;
    const served = await cluster.until(SERVES_WITHIN_MS, signal, () =>
      this.#history.acknowledged > before ? true : undefined,
    );
    this.#history.stopClock();
    if (served === undefined)
      this.#report(
        "serves again",
        `no acknowledgement ${SERVES_WITHIN_MS} ms after the last fault: ${await statesOf(cluster)}`,
      );
    else await Promise.race([this.#workload?.stop(), interrupted(signal)]);
  }

  async #keepEvidence(): Promise<void> {
    const { directory } = this.#run;
    await writeFile(join(directory, "history.jsonl"), this.#history.lines());
    if (this.#violations.length === 0) return;
    const lines = this.#violations.map(({ rule, text }) => `${rule}: ${text}`);
    for (const node of this.#cluster?.nodes.values() ?? [])
      lines.push(`--- ${node.id}`, await node.logTail(LOG_LINES));
    await writeFile(join(directory, "failure.txt"), `${lines.join("\n")}\n`);
  }

  async close(): Promise<void> {
    await this.#workload?.close();
    await this.#cluster?.close();
    await Promise.all(this.#healing);
    for (const tool of this.#tools) await tool.close();
  }
}

/** Rejects when the run is interrupted; never resolves. */
function interrupted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function configText(addresses: ReadonlyMap<string, string>, data: string): string {
  return [
    "cluster: chaos",
    "nodes:",
    ...[...addresses].map(([id, address]) => `  ${id}: "${address}"`),
    `data: ${JSON.stringify(data)}`,
    `logs: [${LOG}]`,
    // Small segments and a low floor: rolls happen within seconds, and a small disk will do.
    "storage: { segmentBytes: 8MiB, minFreeBytes: 4MiB }",
    "workers: { count: 2 }",
    "",
  ].join("\n");
}
