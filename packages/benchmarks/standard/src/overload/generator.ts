import { setTimeout as sleep } from "node:timers/promises";
import { outcomeOf, RawConnection } from "@annals/load";
import type { Outcome } from "@annals/load";
import { Outcomes } from "./outcomes.ts";

export interface LoadOptions {
  /** `host:port` of the nodes; connections are spread over them. */
  readonly addresses: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** Makes a source of requests for one connection: the bytes of the k-th request, head and body, until the next one is asked for. */
  readonly source: () => (k: number) => Uint8Array;
  readonly onOutcome?: (k: number, outcome: Outcome) => void;
}

interface Sender {
  readonly connection: RawConnection;
  readonly request: (k: number) => Uint8Array;
}

/** How often the open loop looks at the clock. */
const STEP_MS = 5;

/** Sends requests over a number of connections and counts what becomes of them. */
export class LoadGenerator {
  readonly #options: LoadOptions;
  readonly #connections: readonly Sender[];
  #next: number;
  readonly #outcomes = new Outcomes();

  /** `first` numbers the first request, so that phases can go on counting. */
  constructor(options: LoadOptions, first = 0) {
    this.#options = options;
    this.#next = first;
    const { addresses, connections, source } = options;
    this.#connections = Array.from({ length: connections }, (_, k) => ({
      connection: new RawConnection(addresses[k % addresses.length] ?? ""),
      request: source(),
    }));
  }

  /** Number of the next request. */
  get next(): number {
    return this.#next;
  }

  /** Every connection sends its next request when the last one is answered. */
  async closedLoop(): Promise<Outcomes> {
    const endMs = performance.now() + this.#options.seconds * 1000;
    const run = async (sender: Sender): Promise<void> => {
      while (performance.now() < endMs) await this.#send(sender);
    };
    await Promise.all(this.#connections.map(run));
    return this.#finish();
  }

  /** So many requests a second, whatever becomes of them, as far as a connection is free. */
  async openLoop(perSecond: number): Promise<Outcomes> {
    const beginMs = performance.now();
    const idle = [...this.#connections];
    const underway = new Set<Promise<void>>();
    for (let due = 0; ; ) {
      const elapsedMs = performance.now() - beginMs;
      if (elapsedMs >= this.#options.seconds * 1000) break;
      for (; due < (elapsedMs / 1000) * perSecond; due++) {
        const sender = idle.pop();
        if (sender === undefined) {
          this.#outcomes.offered++;
          this.#outcomes.unsent++;
          continue;
        }
        const sent = this.#send(sender).then(() => {
          idle.push(sender);
          underway.delete(sent);
        });
        underway.add(sent);
      }
      await sleep(STEP_MS);
    }
    await Promise.all(underway);
    return this.#finish();
  }

  async #send({ connection, request }: Sender): Promise<void> {
    const k = this.#next++;
    this.#outcomes.offered++;
    const startMs = performance.now();
    const outcome = await ask(connection, request(k));
    this.#outcomes.add(outcome, performance.now() - startMs);
    this.#options.onOutcome?.(k, outcome);
  }

  #finish(): Outcomes {
    for (const { connection } of this.#connections) connection.close();
    return this.#outcomes;
  }
}

async function ask(connection: RawConnection, request: Uint8Array): Promise<Outcome> {
  try {
    const { status, body } = await connection.ask(request);
    return outcomeOf(status, body);
  } catch {
    return { kind: "unknown", code: "connection lost" };
  }
}
