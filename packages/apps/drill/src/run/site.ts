import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AnnalsClient } from "@annals/client";
import { PROXY_HOST, drawAddresses, drawPorts } from "../cluster/addresses.ts";
import { ProcessCluster } from "../cluster/processCluster.ts";
import { nodeConfigText } from "../language/nodeConfig.ts";
import type { NodeRef, Scenario } from "../language/scenario.ts";
import { LinkMatrix } from "../proxy/linkMatrix.ts";
import { SYSTEM_CLOCK } from "../proxy/systemClock.ts";
import { AppendLedger } from "./appendLedger.ts";
import { FaultLedger } from "./faultLedger.ts";
import { LogBook } from "./logBook.ts";
import type { Machine, Need } from "./needs.ts";
import { StepFailure } from "./outcome.ts";
import { Programs } from "./programs.ts";
import { RssSampler } from "./rssSampler.ts";
import { StatusWatch } from "./statusWatch.ts";

const BORN_WITHIN_MS = 60_000;
const IDLE_MS = 1_200;
const POLL_MS = 100;
/** A request is repeated for so long: longer than any outage that a drill makes on purpose. */
const RETRY_FOR_MS = 300_000;

export interface SiteOptions {
  readonly scenario: Scenario;
  readonly directory: string;
  /** The script of the built command. */
  readonly entry: string;
  readonly machine: Machine;
  readonly needs: ReadonlySet<Need>;
  readonly signal: AbortSignal;
}

/** A throw-away cluster with everything that looks at it. */
export class Site {
  readonly scenario: Scenario;
  readonly signal: AbortSignal;
  readonly cluster: ProcessCluster;
  readonly links: LinkMatrix | undefined;
  readonly watch: StatusWatch;
  readonly ledger: AppendLedger;
  readonly faults: FaultLedger = new FaultLedger();
  readonly memory: RssSampler;
  readonly programs: Programs;
  readonly books: ReadonlyMap<string, LogBook>;
  /** Nodes that ended by themselves, in words. */
  readonly badExits: string[];
  /** Blobs that were acknowledged. */
  readonly blobs: { readonly log: string; readonly sha256: string }[] = [];
  /** Milliseconds from faults to the next acknowledgement, at most. */
  longestWaitMs = 0;
  /** Elections that the scenario asked for. */
  electionsAskedFor = 0;
  #struckMs: number | undefined;
  #electionsAtStart = 0;
  readonly #directory: string;
  readonly #bound = new Map<NodeRef, string>();
  readonly #clients = new Map<string, AnnalsClient>();

  private constructor(parts: {
    readonly options: SiteOptions;
    readonly cluster: ProcessCluster;
    readonly links: LinkMatrix | undefined;
    readonly watch: StatusWatch;
    readonly badExits: string[];
  }) {
    const { options, cluster } = parts;
    this.scenario = options.scenario;
    this.signal = options.signal;
    this.#directory = options.directory;
    this.cluster = cluster;
    this.links = parts.links;
    this.watch = parts.watch;
    this.badExits = parts.badExits;
    this.programs = new Programs({
      entry: options.entry,
      directory: options.directory,
      urls: cluster.urls,
      signal: options.signal,
    });
    this.ledger = new AppendLedger(() => this.#acknowledged());
    this.memory = new RssSampler(
      new Map(cluster.ids.map((id) => [id, () => cluster.node(id).pid] as const)),
    );
    const patterns = patternsOf(options.scenario);
    this.books = new Map(
      cluster.ids.map((id) => [id, new LogBook(cluster.node(id).logFile, patterns)] as const),
    );
  }

  /** Starts the nodes; resolves when each serves and has been idle for a moment. */
  static async open(options: SiteOptions): Promise<Site> {
    const { scenario, directory, needs } = options;
    await mkdir(directory, { recursive: true });
    const proxied = needs.has("proxy");
    const addresses = await (proxied ? drawAddresses : drawPorts)(scenario.nodes);
    const links = proxied
      ? await LinkMatrix.start({ addresses, listenHost: PROXY_HOST, clock: SYSTEM_CLOCK })
      : undefined;
    const watch = new StatusWatch(scenario.logs);
    const badExits: string[] = [];
    const dataOf = (id: string): string => join(directory, "data", id);
    const cluster = await ProcessCluster.start({
      directory,
      entry: options.entry,
      addresses,
      dataOf,
      configOf: (id) => nodeConfigText(scenario, addresses, dataOf(id)),
      envOf: (id) => ({
        DRILL_END_WORKER: join(directory, `${id}.end-worker`),
        ...(links === undefined
          ? {}
          : {
              DRILL_ROUTES: JSON.stringify(links.routesOf(id, addresses)),
              DRILL_SOURCE: PROXY_HOST,
            }),
        ...(needs.has("disk")
          ? {
              LD_PRELOAD: options.machine.shim,
              DRILL_DISK_ROOT: dataOf(id),
              DRILL_DISK_CONTROL: join(directory, `${id}.disk`),
            }
          : {}),
      }),
      log: scenario.logs[0] ?? "",
      onStatus: (id, status) => watch.told(id, status),
      onBadExit: (text) => badExits.push(text),
    });
    const site = new Site({ options, cluster, links, watch, badExits });
    try {
      await site.#settle();
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  async #settle(): Promise<void> {
    await this.until(BORN_WITHIN_MS, "the cluster is born and every log has a leader", async () => {
      const statuses = await this.cluster.statuses();
      return statuses.every(
        (status) =>
          status !== undefined &&
          this.scenario.logs.every((name) =>
            status.logs.some((log) => log.name === name && log.leader !== undefined),
          ),
      );
    });
    this.memory.beginIdle();
    await sleep(IDLE_MS, undefined, { signal: this.signal });
    this.memory.endIdle();
    await this.readBooks();
    this.#electionsAtStart = this.#terms();
  }

  /** Files by which a node's process is told what goes wrong (`nodePreload.ts`, `diskShim.c`). */
  controlFile(id: string, suffix: string): string {
    return join(this.#directory, `${id}.${suffix}`);
  }

  /** The node that a reference means, from its first use to the end. */
  async resolve(ref: NodeRef): Promise<string> {
    const known = this.#bound.get(ref) ?? this.cluster.ids.find((id) => id === ref);
    if (known !== undefined) return known;
    const leader = await this.leaderOf(this.scenario.logs[0] ?? "");
    if (ref === "leader") return this.#bind(ref, leader);
    const taken = [...this.#bound.values()];
    const free = this.cluster.ids.find((id) => id !== leader && !taken.includes(id));
    const id = free ?? this.cluster.ids.find((one) => one !== leader);
    if (id === undefined) throw new StepFailure(`no node is left to be ${ref}`);
    return this.#bind(ref, id);
  }

  #bind(ref: NodeRef, id: string): string {
    this.#bound.set(ref, id);
    return id;
  }

  async resolveAll(refs: readonly NodeRef[]): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const ref of refs) ids.push(await this.resolve(ref));
    return ids;
  }

  /** What roles were bound to, for the report. */
  get bound(): ReadonlyMap<NodeRef, string> {
    return this.#bound;
  }

  /** The node that leads a log in the eyes of itself. */
  async leaderOf(log: string): Promise<string> {
    let leader: string | undefined;
    await this.until(BORN_WITHIN_MS, `log ${log} has a leader`, async () => {
      const statuses = await this.cluster.statuses();
      leader = this.cluster.ids.find(
        (id, k) => statuses[k]?.logs.find(({ name }) => name === log)?.leader === id,
      );
      return leader !== undefined;
    });
    return leader ?? "";
  }

  /** Waits for a condition; fails the step when the time is over. */
  async until(
    withinMs: number,
    what: string,
    look: () => Promise<boolean> | boolean,
  ): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      this.signal.throwIfAborted();
      if (await look()) return;
      if (performance.now() > deadline)
        throw new StepFailure(`not within ${withinMs / 1000} s: ${what}`);
      await sleep(POLL_MS, undefined, { signal: this.signal });
    }
  }

  /** A client of one node, or of all. */
  client(id?: string): AnnalsClient {
    const key = id ?? "";
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const urls = id === undefined ? this.cluster.urls : [this.cluster.node(id).url];
    const client = new AnnalsClient({ urls, retryForMs: RETRY_FOR_MS });
    this.#clients.set(key, client);
    return client;
  }

  /** What runs now and is not frozen. */
  get running(): readonly string[] {
    const nodes = [...this.cluster.nodes.values()];
    return nodes.filter(({ running, frozen }) => running && !frozen).map(({ id }) => id);
  }

  book(id: string): LogBook {
    const book = this.books.get(id);
    if (book === undefined) throw new RangeError(`no node ${id}`);
    return book;
  }

  async readBooks(): Promise<void> {
    await Promise.all([...this.books.values()].map((book) => book.read()));
  }

  /** A fault has struck: the next acknowledgement ends the wait that counts. */
  faultStruck(): void {
    this.#struckMs ??= performance.now();
  }

  #acknowledged(): void {
    if (this.#struckMs === undefined) return;
    this.longestWaitMs = Math.max(this.longestWaitMs, performance.now() - this.#struckMs);
    this.#struckMs = undefined;
  }

  /** Terms that anybody has stood for since the first leaders, apart from those that were asked for. */
  get elections(): number {
    return this.#terms() - this.#electionsAtStart - this.electionsAskedFor;
  }

  #terms(): number {
    const seen = [...this.books.values()].flatMap(({ elections }) => elections);
    return new Set(seen.map(({ log, term }) => `${log} ${term}`)).size;
  }

  /** Every process is gone afterwards. Idempotent. */
  async close(): Promise<void> {
    this.memory.close();
    await this.programs.close();
    for (const client of this.#clients.values()) client.close();
    await this.cluster.close();
    await this.links?.close();
  }
}

/** The regular expressions that some step or expectation looks for. */
function patternsOf({ steps, expect }: Scenario): ReadonlySet<string> {
  const patterns = new Set<string>();
  const visit = (list: Scenario["steps"]): void => {
    for (const { kind, body } of list) {
      if (kind === "repeat") visit(body.steps);
      if (kind === "waitFor" && body.condition.kind === "logLine")
        patterns.add(body.condition.body.matches);
    }
  };
  visit(steps);
  for (const { kind, body } of expect) {
    if (kind === "noLogLine") patterns.add(body);
    if (kind === "logLine") patterns.add(body.matches);
  }
  return patterns;
}
