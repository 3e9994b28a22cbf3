import { exactly } from "@annals/channel";
import type { NodeConfig } from "@annals/config";
import type { Ledger } from "@annals/flow";
import { invariant, NOBODY } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { Catalog, SYSTEM_LOG } from "@annals/system";
import type { CatalogEntry, Roster } from "@annals/system";
import type { WorkerReplies, WorkerRequest } from "@annals/worker";
import type { Logger } from "pino";
import { DecisionWatch } from "./resolution/decisionWatch.ts";
import { PeerCopies } from "./resolution/peerCopies.ts";
import type { EarlyScans } from "./earlyScans.ts";
import type { CatalogFile } from "./catalogFile.ts";
import type { BirthCertificate } from "./certificate.ts";
import type { ClockWatch } from "./clockWatch.ts";
import { LogCreation } from "./logCreation.ts";
import { newPlace } from "./logDirectory.ts";
import { ChangeSignal } from "./changeSignal.ts";
import type { LogPlace } from "./logDirectory.ts";
import { newsHandlers, switchNews } from "./messageSwitch.ts";
import type { PeerLinks } from "./peerLinks.ts";
import type { PeerServer } from "./peerServer.ts";
import { Replacements } from "./replacements.ts";
import { Scrubber } from "./scrubber.ts";
import type { ScrubStatus } from "./scrubber.ts";
import { SystemCommands } from "./systemCommands.ts";
import type { WorkerHandle } from "./workerHandle.ts";
import { WorkerPool } from "./workerPool.ts";

export interface GatewayOptions {
  readonly config: NodeConfig;
  readonly fingerprint: string;
  readonly self: MemberId;
  readonly certificate: BirthCertificate;
  /** Belongs to the gateway from here on: committed commands change it. */
  readonly roster: Roster;
  /** This node has just written the certificate: it is to lead `_system` first. */
  readonly founder: boolean;
  readonly logger: Logger;
  /** Keeps what is known of the catalog. */
  readonly catalogFile: CatalogFile;
  /** Logs that this node knew of when it started. */
  readonly knownLogs: readonly CatalogEntry[];
  readonly scans: EarlyScans;
  /** The gauges of the main thread. */
  readonly ledger: Ledger;
  readonly clocks: ClockWatch;
  readonly peers: PeerLinks;
  readonly server: PeerServer;
  /** What this disk has promised is not known any more: it must not go on as the member it was. */
  readonly onUnusable: (what: string) => void;
  /** Storage failed, or a committed command cannot be applied: the process has to end. */
  readonly onFatal: (error: AnnalsError) => void;
}

/** How long the question whether a log exists may wait for a quorum. */
const CATALOG_TIMEOUT_MS = 3000;
/** A leader that lost its logs' creation to a failover is retried by the next one; this only spaces the attempts. */
const CREATE_RETRY_MS = 100;

/** A born node: its logs, the workers that hold them, and the way of every message between peers and workers. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #catalog: Catalog;
  readonly #places = new Map<number, LogPlace>();
  readonly #pool: WorkerPool;
  readonly #replacements: Replacements;
  readonly #decisions: DecisionWatch;
  /** Asks other nodes for their copies of logs. */
  readonly copies: PeerCopies;
  readonly #scrubber: Scrubber;
  readonly #creation: LogCreation;
  readonly #commands: SystemCommands;
  /** Of who leads what. */
  readonly #roles = new ChangeSignal();
  #closing = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { certificate, config, logger, self, fingerprint } = options;
    this.copies = new PeerCopies(config, options.ledger.family("copies"));
    this.#catalog = new Catalog(options.roster.members());
    for (const entry of options.knownLogs) this.#catalog.take(entry);
    const handlers = newsHandlers({
      ...options,
      placeOf: (logId) => this.#places.get(logId),
      nodeName: (member) => this.nodeName(member),
      onRoom: () => this.#pool.wake(),
      onRoles: () => this.#roles.changed(),
      onLeadsSystem: () => void this.#createBirthLogs(),
      onCommand: (index, data) => this.#commands.apply(index, data),
    });
    this.#pool = new WorkerPool({
      setup: { config, clusterId: certificate.clusterId, fingerprint, self },
      members: () =>
        options.roster
          .entries()
          .map((entry) => ({ ...entry, address: config.nodes[entry.node] ?? "" })),
      scans: options.scans,
      logger,
      ledger: options.ledger,
      clocks: options.clocks,
      onMessage: (worker, news) => switchNews(handlers, worker, news.kind, news),
      onLost: (worker) => options.server.dropWorker(worker),
    });
    this.#commands = new SystemCommands({
      ...options,
      catalog: this.#catalog,
      placeOf: (logId) => this.#places.get(logId),
      logCount: () => this.logCount,
      onCreated: (entry) => this.#place(entry, this.system.role === "leader"),
      onMembers: () => this.#pool.membersChanged(),
    });
    for (const entry of this.#catalog.logs()) this.#place(entry, options.founder);
    this.#scrubber = new Scrubber({
      config,
      logger,
      places: () => this.places(),
      onDamage: ({ entry, worker }, what) =>
        worker?.send({ kind: "damage", logId: entry.id, what }),
    });
    this.#creation = new LogCreation({
      config,
      barrier: () => this.#catchUpWithCatalog(),
      command: (data) => this.commit(data),
      lookUp: (name) => this.#lookUp(name),
      logCount: () => this.logCount,
      voters: () => options.roster.members(),
    });
    this.#decisions = new DecisionWatch({
      self,
      roster: options.roster,
      places: () => this.places(),
      connected: () => options.server.peers(),
      ask: (node, log) => this.copies.ask(node, log),
      leading: () => this.system.role === "leader",
      commit: (data) => this.commit(data),
      logger,
    });
    this.#replacements = new Replacements({
      roster: options.roster,
      connected: () => options.server.peers(),
      leading: () => this.system.role === "leader",
      commit: (data) => this.commit(data),
      logger,
    });
  }

  get roster(): Roster {
    return this.#options.roster;
  }

  get pool(): WorkerPool {
    return this.#pool;
  }

  scrubStatus(): ScrubStatus {
    return this.#scrubber.status();
  }

  places(): readonly LogPlace[] {
    return [...this.#places.values()];
  }

  /**
   * The place of a log by its name. Before it says ERR_LOG_NOT_FOUND it makes sure that it has heard of every log there is: a node that was
   * away does not take its own ignorance for an answer. One that is known is there at once: every append asks.
   */
  find(name: string): LogPlace | Promise<LogPlace> {
    return this.#lookUp(name) ?? this.#findUnknown(name);
  }

  async #findUnknown(name: string): Promise<LogPlace> {
    await this.#catchUpWithCatalog();
    const found = this.#lookUp(name);
    if (found !== undefined) return found;
    if (this.missingBirthLogs().includes(name))
      throw new AnnalsError("ERR_LOG_NOT_OPEN", `log "${name}" is being created`, {
        retryable: true,
      });
    throw new AnnalsError(
      "ERR_LOG_NOT_FOUND",
      `there is no log "${name}"; annals log list shows those that are`,
    );
  }

  /** Resolves once everything that is committed in `_system` is applied here. */
  #catchUpWithCatalog(): Promise<undefined> {
    return this.request<"barrier">(this.system, { op: "barrier", timeoutMs: CATALOG_TIMEOUT_MS });
  }

  /** Commits a command in `_system`, if this node leads it; resolves with its index when it is applied here. */
  commit(data: Uint8Array): Promise<number> {
    return this.request<"command">(this.system, { op: "command", data });
  }

  /** The place of `_system`. */
  get system(): LogPlace {
    const place = this.#lookUp(SYSTEM_LOG);
    invariant(place !== undefined, "the system log is placed at birth");
    return place;
  }

  #lookUp(name: string): LogPlace | undefined {
    const entry = this.#catalog.get(name);
    return entry === undefined ? undefined : this.#places.get(entry.id);
  }

  /** Logs that the cluster was born to have and that this node has not heard of yet. */
  missingBirthLogs(): readonly string[] {
    return this.#options.certificate.logs.filter((name) => this.#catalog.get(name) === undefined);
  }

  nodeName(member: MemberId): string | undefined {
    return member === NOBODY ? undefined : this.roster.nodeOf(member);
  }

  workerOf(logId: number): WorkerHandle {
    const worker = this.#places.get(logId)?.worker;
    if (worker === undefined) {
      throw new AnnalsError("ERR_LOG_NOT_OPEN", "this node does not hold the log yet", {
        retryable: true,
      });
    }
    return worker;
  }

  request<Op extends WorkerRequest["op"]>(
    place: LogPlace,
    request: Extract<WorkerRequest, { op: Op }>,
  ): Promise<WorkerReplies[Op]> {
    if (place.worker === undefined) {
      return Promise.reject(
        new AnnalsError("ERR_LOG_NOT_OPEN", "the log waits for a worker on this node", {
          retryable: true,
        }),
      );
    }
    return place.worker.request<Op>(place.entry.id, request);
  }

  /** Logs of this node beside `_system`. */
  get logCount(): number {
    return this.#places.size - 1;
  }

  /** Creates a log, if this node leads `_system`. Rejects as `LogCreation.create` does. */
  createLog(name: string): Promise<LogPlace> {
    return this.#creation.create(name);
  }

  /** A parcel of a peer's control frame. */
  control(from: MemberId, logId: number, bytes: Uint8Array): void {
    const worker = this.#places.get(logId)?.worker;
    if (worker !== undefined && !worker.congested) {
      worker.send({ kind: "control", logId, from, bytes: exactly(bytes) });
    }
  }

  /** Hands every log that is led here to somebody else, as far as anybody is there; resolves when none is left or the time is over. */
  async handOver(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const led = () => this.places().filter((place) => place.role === "leader");
    while (led().length > 0 && performance.now() < deadline) {
      const asked = await Promise.all(
        led().map((place) =>
          this.request<"transfer">(place, { op: "transfer", to: undefined }).catch(() => undefined),
        ),
      );
      if (asked.every((member) => member === undefined)) return;
      await this.#roles.wait(Math.min(500, deadline - performance.now()));
    }
  }

  /** False when the replica still leads after `timeoutMs`. */
  async untilNotLeader(place: LogPlace, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (place.role === "leader" && performance.now() < deadline)
      await this.#roles.wait(deadline - performance.now());
    return place.role !== "leader";
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#replacements.close();
    this.#decisions.close();
    await this.#pool.close();
    await this.#scrubber.close();
    await this.#options.catalogFile.close();
  }

  #place(entry: CatalogEntry, campaign: boolean): void {
    const place = newPlace(entry, campaign);
    this.#places.set(entry.id, place);
    this.#pool.assign(place);
  }

  /** The logs of the certificate, created by whoever leads first; a second attempt finds them and does nothing. */
  async #createBirthLogs(): Promise<void> {
    const { system } = this;
    while (!this.#closing && system.role === "leader" && this.missingBirthLogs().length > 0) {
      for (const name of this.missingBirthLogs()) {
        await this.createLog(name).catch((error: unknown) => {
          this.#options.logger.debug({ err: error, log: name }, "log not created yet");
        });
      }
      if (this.missingBirthLogs().length > 0) await this.#roles.wait(CREATE_RETRY_MS);
    }
  }
}
