import type { MemoryStatus } from "@annals/api";
import { shapeOf } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import type { Ledger } from "@annals/flow";
import { SYSTEM_LOG_ID } from "@annals/system";
import type { WorkerMemory } from "@annals/worker";
import type { Logger } from "pino";
import { BoundWatch } from "./memory/boundWatch.ts";
import { LastingCounts } from "./memory/lastingCounts.ts";
import { addCounts, addReadings, memoryStatus } from "./memory/status.ts";
import type { Gateway } from "./gateway.ts";
import type { WorkerHandle } from "./workerHandle.ts";

export interface NodeMemoryOptions {
  readonly config: NodeConfig;
  readonly logger: Logger;
  /** The gauges of the main thread. */
  readonly ledger: Ledger;
}

/** Gauges keep their peaks, so only of the sum a moment may pass unseen. */
const LOOK_MS = 10_000;

/** What the gauges of all threads say, held against their bounds. */
export class NodeMemory {
  readonly #options: NodeMemoryOptions;
  readonly #bounds: BoundWatch;
  readonly #pauses = new LastingCounts<WorkerHandle>();
  #looking: NodeJS.Timeout | undefined;

  constructor(options: NodeMemoryOptions) {
    this.#options = options;
    this.#bounds = new BoundWatch((violation) =>
      options.logger.error({ violation }, "a bound did not hold"),
    );
  }

  /** Looks from time to time, whether anybody asks or not. */
  watch(gateway: Gateway): void {
    this.#looking = setInterval(() => void this.read(gateway), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#looking);
  }

  async read(gateway: Gateway): Promise<MemoryStatus> {
    const { config, ledger } = this.#options;
    const { workers } = gateway.pool;
    const answers = await Promise.all(workers.map(ask));
    for (const [k, worker] of workers.entries()) {
      const answer = answers[k];
      if (answer !== undefined) this.#pauses.read(worker, answer.pauses);
    }
    this.#pauses.keepOnly(gateway.pool.workers);
    const gauges = answers.flatMap((answer) => (answer === undefined ? [] : [answer.gauges]));
    const status = memoryStatus(
      config,
      shapeOf(config, gateway.logCount),
      addReadings([ledger.read(), ...gauges]),
    );
    return {
      ...status,
      pauses: addCounts([ledger.pauses(), this.#pauses.totals()]),
      violations: this.#bounds.check(status),
    };
  }
}

/** Undefined for a worker that does not answer, such as one that is just ending. */
async function ask(worker: WorkerHandle): Promise<WorkerMemory | undefined> {
  try {
    return await worker.request<"memory">(SYSTEM_LOG_ID, { op: "memory" });
  } catch {
    return undefined;
  }
}
