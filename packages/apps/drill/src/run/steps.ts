import { setTimeout as sleep } from "node:timers/promises";
import type { AppendPlan, Step, StepBodies } from "../language/scenario.ts";
import { loadBlobs } from "./blobLoad.ts";
import { coldCache, diskRecovers, slowDisk } from "./diskFaults.ts";
import { heal, partition, resetLinks, slowLinks } from "./linkFaults.ts";
import { StepFailure } from "./outcome.ts";
import * as processes from "./processFaults.ts";
import { produce } from "./producer.ts";
import type { Site } from "./site.ts";
import { conditionOf } from "./waits.ts";

type Handlers = {
  readonly [Kind in keyof StepBodies]: (body: StepBodies[Kind]) => Promise<void>;
};

interface Load {
  readonly ending: AbortController;
  readonly done: Promise<void>;
  failure: Error | undefined;
}

/** Carries steps out, one after the other. Rejects with a `StepFailure` at the first that cannot be. */
export class StepRunner {
  readonly #site: Site;
  readonly #loads = new Map<string, Load>();
  #streams = 0;

  readonly #handlers: Handlers = {
    start: (refs) => processes.start(this.#site, refs),
    stop: (refs) => processes.takeDown(this.#site, refs, "stop"),
    kill: (refs) => processes.takeDown(this.#site, refs, "kill"),
    freeze: (body) => this.#freeze(body),
    thaw: (refs) => processes.thaw(this.#site, refs),
    wipe: (refs) => processes.wipe(this.#site, refs),
    coldCache: (refs) => coldCache(this.#site, refs),
    partition: (body) => partition(this.#site, body),
    slowLinks: (body) => slowLinks(this.#site, body),
    resetLinks: (refs) => resetLinks(this.#site, refs),
    heal: () => heal(this.#site),
    slowDisk: (body) => slowDisk(this.#site, body),
    diskRecovers: (refs) => diskRecovers(this.#site, refs),
    killWorker: (body) => processes.killWorker(this.#site, body),
    poison: (body) => processes.poison(this.#site, body),
    cure: (refs) => processes.cure(this.#site, refs),
    transfer: (body) => processes.transfer(this.#site, body),
    append: (plan) => this.#append(plan, new AbortController().signal),
    load: (plan) => this.#load(plan),
    endLoad: (name) => this.#endLoad(name),
    blobs: (plan) => this.#blobs(plan),
    program: async ({ name, run }) => this.#site.programs.begin(name, run),
    finish: (name) => this.#site.programs.finish(name),
    endProgram: (name) => this.#site.programs.end(name),
    killProgram: (name) => this.#site.programs.kill(name),
    waitFor: async ({ condition, within }) => {
      const look = await conditionOf(this.#site, condition);
      await this.#site.until(within, condition.kind, look);
    },
    wait: async (ms) => sleep(ms, undefined, { signal: this.#site.signal }),
    repeat: async () => {
      throw new StepFailure("a repetition is unrolled by whoever runs the steps");
    },
  };

  constructor(site: Site) {
    this.#site = site;
  }

  async run({ kind, body }: Step): Promise<void> {
    const handle = this.#handlers[kind] as (body: unknown) => Promise<void>;
    await handle(body);
    for (const [name, { failure }] of this.#loads)
      if (failure !== undefined) throw new StepFailure(`load ${name}: ${failure.message}`);
  }

  /** Ends what still runs beside the steps. */
  async end(): Promise<void> {
    for (const name of this.#loads.keys()) await this.#endLoad(name);
  }

  async #freeze(body: StepBodies["freeze"]): Promise<void> {
    await processes.freeze(this.#site, body);
    if (body.for === undefined) return;
    await sleep(body.for, undefined, { signal: this.#site.signal });
    await processes.thaw(this.#site, [body.node]);
  }

  async #append(plan: AppendPlan, ending: AbortSignal, name?: string): Promise<void> {
    const { scenario, ledger, signal } = this.#site;
    const logs = plan.logs === "all" ? scenario.logs : (plan.logs ?? scenario.logs.slice(0, 1));
    const node = plan.to === undefined ? undefined : await this.#site.resolve(plan.to);
    const client = this.#site.client(node);
    const run = name ?? `append-${++this.#streams}`;
    const { batches, records, bytes, inFlight, rate } = plan;
    const parts = { client, ledger, batches, records, bytes, inFlight, rate, ending, signal };
    await Promise.all(logs.map((log) => produce({ ...parts, log, stream: `${run}-${log}` })));
  }

  async #load(plan: StepBodies["load"]): Promise<void> {
    if (this.#loads.has(plan.name)) throw new StepFailure(`load ${plan.name} is on already`);
    const ending = new AbortController();
    const stream = `${plan.name}-${++this.#streams}`;
    const done = this.#append(plan, ending.signal, stream);
    const load: Load = { ending, done, failure: undefined };
    done.catch((error: unknown) => {
      load.failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#loads.set(plan.name, load);
  }

  async #endLoad(name: string): Promise<void> {
    const load = this.#loads.get(name);
    if (load === undefined) throw new StepFailure(`load ${name} is not on`);
    load.ending.abort();
    this.#loads.delete(name);
    await load.done;
  }

  async #blobs(plan: StepBodies["blobs"]): Promise<void> {
    const { scenario, ledger, signal, blobs } = this.#site;
    const { count, bytes, inFlight } = plan;
    const log = plan.log ?? scenario.logs[0] ?? "";
    const stream = `blobs-${++this.#streams}-${log}`;
    const onBlob = (log: string, sha256: string): void => void blobs.push({ log, sha256 });
    const client = this.#site.client();
    const load = { client, ledger, log, stream, count, bytes, inFlight, signal, onBlob };
    await loadBlobs(load);
  }
}
