import { setTimeout as sleep } from "node:timers/promises";
import { AnnalsClient, ClientError } from "@annals/client";
import type { EncodedRecords, OrderedProducer } from "@annals/client";
import { Random } from "@annals/kit";
import { LOG } from "./auditLog.ts";
import { recordOf } from "./history.ts";
import type { History } from "./history.ts";
import type { ReadLedger } from "./readLedger.ts";

const PRODUCERS = 3;
const APPENDERS = 3;
const READERS = 2;
const PRODUCER_WINDOW = 4;
const RECORDS_MAX = 12;
const PADDING_MAX = 600;
/** Milliseconds between two requests of one worker; the machine must keep some time for the nodes. */
const PAUSE_MAX_MS = 16;
const ATTEMPT_TIMEOUT_MS = 1_500;
/** An idempotent request is repeated for so long: longer than any outage of a run. */
const RETRY_FOR_MS = 120_000;
const READ_BACK = 200;
/** After a failure: no flood of refusals while nobody can serve. */
const FAILURE_PAUSE_MS = 60;

export interface WorkloadOptions {
  readonly urls: readonly string[];
  readonly history: History;
  readonly ledger: ReadLedger;
  readonly seed: number;
}

/**
 * Clients of all nodes: idempotent producers with several requests on their way, plain appenders that try once and take an unknown outcome
 * for what it is, and readers of both consistencies.
 */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #stopping = new AbortController();
  readonly #clients: AnnalsClient[] = [];
  readonly #workers: Promise<void>[] = [];

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  start(): void {
    const random = (stream: number): Random => new Random(this.#options.seed, 1000 + stream);
    for (let k = 0; k < PRODUCERS; k++) this.#workers.push(this.#produce(k, random(k)));
    for (let k = 0; k < APPENDERS; k++) this.#workers.push(this.#append(random(100 + k)));
    for (let k = 0; k < READERS; k++) this.#workers.push(this.#read(random(200 + k)));
  }

  /** Nothing new is sent; resolves when everything is answered or given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#workers);
  }

  /** Ends everything that is under way. Idempotent. */
  async close(): Promise<void> {
    this.#stopping.abort();
    for (const client of this.#clients) client.close();
    await Promise.all(this.#workers);
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #client(urls: readonly string[], retryForMs: number): AnnalsClient {
    const client = new AnnalsClient({ urls, retryForMs, attemptTimeoutMs: ATTEMPT_TIMEOUT_MS });
    this.#clients.push(client);
    return client;
  }

  async #pause(random: Random, leastMs = 0): Promise<void> {
    const { signal } = this.#stopping;
    const waitMs = leastMs + random.below(PAUSE_MAX_MS);
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }

  async #produce(k: number, random: Random): Promise<void> {
    const client = this.#client(random.shuffled(this.#options.urls), RETRY_FOR_MS);
    for (let epoch = 1; !this.#stopped; epoch++) {
      const stamp = { id: `producer-${k}`, epoch };
      const producer = client.orderedProducer(LOG, {
        ...stamp,
        nextSequence: 1,
        window: PRODUCER_WINDOW,
      });
      try {
        for (let sequence = 1; !this.#stopped; sequence++) {
          await producer.ready();
          if (!this.#stopped) this.#send(producer, { ...stamp, sequence }, random);
          await this.#pause(random);
        }
        await producer.drain();
      } catch {
        // A producer that failed goes on in a new epoch; what it had under way has been given up by `#send`.
        await this.#pause(random);
      }
    }
  }

  #send(
    producer: OrderedProducer,
    stamp: { readonly id: string; readonly epoch: number; readonly sequence: number },
    random: Random,
  ): void {
    const { history } = this.#options;
    const count = random.between(1, RECORDS_MAX);
    const request = history.submit(count, stamp);
    producer.append(body(request, count, random)).then(
      ({ firstSeq, lastSeq }) => history.acknowledge(request, firstSeq, lastSeq),
      // An attempt before the last one may have been accepted.
      () => history.giveUp(),
    );
  }

  async #append(random: Random): Promise<void> {
    const { history, urls } = this.#options;
    // One client a node and no repeats: what is asked of a follower is passed on by it, unless the client has learnt who leads.
    const clients = urls.map((url) => this.#client([url], 0));
    while (!this.#stopped) {
      const count = random.between(1, RECORDS_MAX);
      const request = history.submit(count, undefined);
      try {
        const reply = await random.pick(clients).append(LOG, body(request, count, random));
        history.acknowledge(request, reply.firstSeq, reply.lastSeq);
      } catch (error) {
        if (error instanceof ClientError && error.notAccepted) history.refuse(request);
        else history.giveUp();
        await this.#pause(random, FAILURE_PAUSE_MS);
      }
      await this.#pause(random);
    }
  }

  async #read(random: Random): Promise<void> {
    const { history, ledger, urls } = this.#options;
    const clients = urls.map((url) => this.#client([url], 0));
    while (!this.#stopped) {
      const consistency = random.chance(0.5) ? "linearizable" : "local";
      const acknowledged = history.acknowledgedSeq;
      const newest = random.chance(0.7);
      const highest = Math.max(1, acknowledged - READ_BACK);
      const from = newest ? highest : random.between(1, highest);
      try {
        const client = random.pick(clients);
        const page = await client.read(LOG, { from, limit: 2 * READ_BACK, consistency });
        ledger.page(from, page, consistency === "linearizable" ? acknowledged : 0);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        ledger.failed();
        await this.#pause(random, FAILURE_PAUSE_MS);
      }
      await this.#pause(random);
    }
  }
}

function body(request: number, count: number, random: Random): EncodedRecords {
  const lines: string[] = [];
  for (let position = 0; position < count; position++)
    lines.push(JSON.stringify(recordOf({ request, position }, random.below(PADDING_MAX))));
  const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
  return { contentType: "application/x-ndjson", bytes };
}
