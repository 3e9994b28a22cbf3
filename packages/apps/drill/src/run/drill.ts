import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Scenario, Step } from "../language/scenario.ts";
import { judge } from "./expectations.ts";
import { needsOf } from "./needs.ts";
import type { Machine } from "./needs.ts";
import { StepFailure } from "./outcome.ts";
import type { DrillOutcome, NodeOutcome, StepTiming, Verdict } from "./outcome.ts";
import { Site } from "./site.ts";
import { StepRunner } from "./steps.ts";

export interface DrillOptions {
  /** The script of the built command. */
  readonly entry: string;
  /** Made for this drill; taken away again unless it failed or `keep` is said. */
  readonly directory: string;
  readonly keep: boolean;
  readonly machine: Machine;
  readonly signal: AbortSignal;
  /** Told before each step, expectations included. */
  readonly onStep: (progress: DrillProgress) => void;
}

export interface DrillProgress {
  /** 1-based, of `count`; repeated steps count every time. */
  readonly step: number;
  readonly count: number;
  readonly text: string;
  readonly elapsedMs: number;
}

const LOG_LINES = 15;
const FINAL_LOOK_MS = 300;

/** Runs one scenario from birth to judgement on a cluster of its own. Rejects only when it was aborted. */
export async function runDrill(scenario: Scenario, options: DrillOptions): Promise<DrillOutcome> {
  const obstacles: string[] = [];
  const needs = needsOf(scenario);
  for (const need of needs) {
    const obstacle = await options.machine.obstacle(need);
    if (obstacle !== undefined) obstacles.push(`${need}: ${obstacle}`);
  }
  const drill = new Drill(scenario, options);
  if (obstacles.length > 0) return drill.skipped(obstacles.join("; "));
  return drill.run(needs);
}

class Drill {
  readonly #scenario: Scenario;
  readonly #options: DrillOptions;
  readonly #begunMs = performance.now();
  readonly #timings: StepTiming[] = [];
  readonly #verdicts: Verdict[] = [];
  readonly #count: number;
  #step = 0;

  constructor(scenario: Scenario, options: DrillOptions) {
    this.#scenario = scenario;
    this.#options = options;
    this.#count = countSteps(scenario.steps) + scenario.expect.length;
  }

  skipped(why: string): DrillOutcome {
    return { ...this.#empty(), result: "skipped", why };
  }

  #empty(): DrillOutcome {
    const { name, file, size } = this.#scenario;
    return {
      name,
      file,
      size,
      result: "failed",
      why: undefined,
      elapsedMs: performance.now() - this.#begunMs,
      verdicts: this.#verdicts,
      steps: this.#timings,
      nodes: [],
      records: 0,
      elections: 0,
      logTails: new Map(),
      directory: this.#options.directory,
    };
  }

  async run(needs: ReturnType<typeof needsOf>): Promise<DrillOutcome> {
    const { entry, directory, machine, signal, keep } = this.#options;
    const scenario = this.#scenario;
    let outcome: DrillOutcome | undefined;
    try {
      this.#tell("start the cluster");
      const site = await Site.open({ scenario, directory, entry, machine, needs, signal });
      try {
        outcome = await this.#onSite(site);
      } finally {
        await site.close();
      }
    } catch (error) {
      signal.throwIfAborted();
      outcome = { ...this.#empty(), why: error instanceof Error ? error.message : String(error) };
    } finally {
      if (!keep && outcome?.result !== "failed") await rm(directory, REMOVE);
    }
    return outcome;
  }

  async #onSite(site: Site): Promise<DrillOutcome> {
    const steps = new StepRunner(site);
    let why: string | undefined;
    try {
      await this.#all(this.#scenario.steps, steps, site);
      await steps.end();
      site.memory.endSteps();
      await site.faults.look();
    } catch (error) {
      site.signal.throwIfAborted();
      why = error instanceof StepFailure ? error.message : String(error);
    }
    if (why === undefined) await this.#judge(site);
    const failed = why !== undefined || this.#verdicts.some(({ outcome }) => outcome === "failed");
    return {
      ...this.#empty(),
      result: failed ? "failed" : "passed",
      why,
      nodes: site.cluster.ids.map((id) => nodeOutcome(site, id)),
      records: site.ledger.records,
      elections: site.elections,
      logTails: failed ? await logTails(site) : new Map(),
    };
  }

  async #all(steps: readonly Step[], runner: StepRunner, site: Site): Promise<void> {
    for (const step of steps) {
      if (step.kind === "repeat") {
        for (let time = 0; time < step.body.times; time++)
          await this.#all(step.body.steps, runner, site);
        continue;
      }
      this.#tell(step.text);
      const begunMs = performance.now();
      const before = progressOf(site, step);
      try {
        await runner.run(step);
      } catch (error) {
        site.signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        throw new StepFailure(`step "${step.text}": ${reason}`, { cause: error });
      }
      const records = progressOf(site, step) - before;
      this.#timings.push({ text: step.text, elapsedMs: performance.now() - begunMs, records });
    }
  }

  async #judge(site: Site): Promise<void> {
    // What happened last is in the status and in the logs a moment later.
    await sleep(FINAL_LOOK_MS, undefined, { signal: site.signal });
    await site.cluster.statuses();
    await site.readBooks();
    for (const expectation of this.#scenario.expect) {
      this.#tell(`expect ${expectation.text}`);
      this.#verdicts.push(await judge(site, expectation));
    }
    this.#verdicts.push(...site.faults.verdicts());
    this.#none("no node ends by itself", site.badExits);
    const broken = site.cluster.ids.flatMap((id) =>
      site.watch.violations(id).map((text) => `${id}: ${text}`),
    );
    this.#none("every bound holds", broken);
  }

  /** Holds in every scenario. */
  #none(text: string, found: readonly string[]): void {
    const outcome = found.length === 0 ? "passed" : "failed";
    this.#verdicts.push({ text, outcome, seen: found.length === 0 ? "none" : found.join("; ") });
  }

  #tell(text: string): void {
    const { onStep } = this.#options;
    const elapsedMs = performance.now() - this.#begunMs;
    onStep({ step: this.#step, count: this.#count, text, elapsedMs });
    this.#step++;
  }
}

const REMOVE = { recursive: true, force: true, maxRetries: 5 } as const;

function countSteps(steps: readonly Step[]): number {
  return steps.reduce(
    (sum, step) =>
      sum + (step.kind === "repeat" ? step.body.times * countSteps(step.body.steps) : 1),
    0,
  );
}

/** What a step moves on: what one node has applied, for those that wait for it; else what is acknowledged. */
function progressOf(site: Site, step: Step): number {
  if (step.kind !== "waitFor" || step.body.condition.kind !== "caughtUp")
    return site.ledger.records;
  const [ref = ""] = step.body.condition.body;
  return site.watch.records(site.bound.get(ref) ?? ref);
}

function nodeOutcome(site: Site, id: string): NodeOutcome {
  return {
    id,
    budget: site.watch.budget(id),
    memory: site.memory.read(id),
    peaks: site.watch.peaks(id),
    pauses: site.watch.pauses(id),
    workerDeaths: site.book(id).deaths.length,
  };
}

async function logTails(site: Site): Promise<ReadonlyMap<string, string>> {
  const tails = new Map<string, string>();
  for (const node of site.cluster.nodes.values()) tails.set(node.id, await node.logTail(LOG_LINES));
  return tails;
}
