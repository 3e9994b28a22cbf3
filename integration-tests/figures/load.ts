import { setTimeout as wait } from "node:timers/promises";
import type { AnnalsClient, OrderedProducer } from "@annals/client";

const BATCH_MAX = 500;
const BATCHES_PER_SECOND = 10;
const WINDOW = 8;

/** Appends records at a rate, until it is told to stop. */
export class Load {
  readonly #producer: OrderedProducer;
  readonly #stop = new AbortController();
  /** Acknowledged. */
  records = 0;
  /** Records a second. */
  rate: number;
  readonly #run: Promise<void>;

  constructor(client: AnnalsClient, rate: number) {
    this.#producer = client.orderedProducer("audit", {
      id: "load",
      epoch: 1,
      nextSequence: 1,
      window: WINDOW,
    });
    this.rate = rate;
    this.#run = this.#send();
    // Told by `end`.
    this.#run.catch(() => undefined);
  }

  /** Rejects with what went wrong. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#run;
    await this.#producer.drain();
  }

  async #send(): Promise<void> {
    let next = performance.now();
    for (let first = 0; !this.#stop.signal.aborted; ) {
      const count = Math.max(1, Math.min(BATCH_MAX, Math.round(this.rate / BATCHES_PER_SECOND)));
      next = Math.max(next + (1000 * count) / this.rate, performance.now() - 1000);
      await wait(Math.max(0, next - performance.now()));
      await this.#producer.ready();
      const bytes = new TextEncoder().encode(lines(first, count));
      first += count;
      void this.#producer.append({ contentType: "application/x-ndjson", bytes }).then(
        () => (this.records += count),
        () => undefined,
      );
    }
  }
}

function lines(first: number, count: number): string {
  return Array.from({ length: count }, (_, k) => {
    const at = first + k;
    const [user, file] = [(at * 7919) % 1000, (at * 104_729) % 5000];
    return (
      `{"actor":{"type":"user","id":"user-${user}"},"action":"file.modified","outcome":"success",` +
      `"targets":[{"type":"file","id":"file-${file}"}],"data":{"n":${at}}}\n`
    );
  }).join("");
}
