import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Gauge, Ledger } from "@annals/flow";
import { asIndex, asTerm } from "@annals/raft";
import type { Entry, LogIndex, MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { StampClock } from "@annals/replica";
import { diskRefusal, errnoOf } from "@annals/storage";
import type { AnnouncedBytes } from "@annals/storage";
import type { Permits } from "@annals/transport";
import type { PageFrame } from "@annals/wire";
import { blobsOf } from "../blobs.ts";
import type { FromWorker, PeerAddress, RepairNote, WorkerSetup } from "../lane/messages.ts";
import { HostedLog } from "./hostedLog.ts";
import { SCHEMAS_PER_LOG_MAX } from "../schema/logSchema.ts";
import type { LogSchema } from "../schema/logSchema.ts";
import { SchemaJudge } from "../schema/schemaJudge.ts";
import type { LinkReplies } from "./linkReplies.ts";
import { DiskWait } from "./diskWait.ts";
import { LogMender } from "./logMender.ts";
import { PeerHistories } from "./peerHistories.ts";
import { openStore } from "./openStore.ts";
import { pageLimits } from "./pageLimits.ts";
import { causeText, reasonFields, toPlainError } from "./plainError.ts";
import { settle } from "./settle.ts";
import type { Durable } from "./settle.ts";

export interface KeptLogOptions {
  readonly logId: number;
  readonly name: string;
  readonly voters: readonly MemberId[];
  readonly campaign: boolean;
  /** Blobs that this worker sends at a time, over all its logs. */
  readonly blobPermits: Permits;
  /** To blobs on their way, over all logs of the worker. */
  readonly announced: AnnouncedBytes;
  /** The gauges of the worker. */
  readonly ledger: Ledger;
  readonly setup: WorkerSetup;
  readonly stamps: StampClock;
  readonly members: () => readonly PeerAddress[];
  readonly send: (message: FromWorker) => void;
  readonly congested: () => boolean;
  readonly heldReplies: Set<LinkReplies>;
  readonly onUnexpected: (error: unknown) => void;
}

/** Entries for a peer. */
type LentPage = Omit<PageFrame, "kind" | "from">;

/** How long a leader that has met damage waits for another one to take over. */
const HAND_OVER_MS = 2000;
const HAND_OVER_POLL_MS = 20;
/** Damage that was met and is not found when the log is read again may come from memory: not for ever. */
const FALSE_ALARMS_MAX = 3;

/**
 * A log for as long as this worker keeps it: opened, closed when it is found damaged, repaired, and opened again. Its replica runs only on
 * a log that is whole, so a damaged one is no more than a replica that is away.
 */
export class KeptLog {
  readonly name: string;
  readonly #options: KeptLogOptions;
  #hosted: HostedLog | undefined;
  #judge: SchemaJudge | undefined;
  readonly #schemas: Gauge;
  #mender: LogMender | undefined;
  #work: Promise<void>;
  #recovering = false;
  #closing = false;
  #falseAlarms = 0;
  /** What was flushed when a write failed: the log that is opened next must hold it. */
  #durable: Durable | undefined;
  readonly #diskWait: DiskWait;

  constructor(options: KeptLogOptions) {
    this.#options = options;
    this.name = options.name;
    this.#schemas = options.ledger.family("log.schemas").gauge(SCHEMAS_PER_LOG_MAX);
    const { logId, send } = options;
    this.#diskWait = new DiskWait({
      onRefusal: (reason) => send({ kind: "refused", logId, reason }),
      onLine: (level, text, fields) => this.#line(level, text, fields),
    });
    this.#work = this.#open();
  }

  /** Undefined for a log without schemas. */
  get judge(): SchemaJudge | undefined {
    return this.#judge;
  }

  judgeBy(schemas: readonly LogSchema[]): void {
    this.#judge = SchemaJudge.of(schemas);
    this.#schemas.set(schemas.length);
  }

  /** Undefined while the log is being opened or repaired. */
  get hosted(): HostedLog | undefined {
    return this.#hosted;
  }

  get repairing(): boolean {
    return this.#mender !== undefined || this.#recovering;
  }

  /** Entries from `from` on that are intact here, for a peer's repair; empty when the first one is not. */
  page(from: LogIndex, to: LogIndex): LentPage {
    const nothing = { entries: [], commitIndex: asIndex(0), leads: asTerm(0) };
    if (this.#hosted === undefined) return this.#mender?.page(from, to) ?? nothing;
    return this.#storedPage(this.#hosted, from, to);
  }

  #storedPage({ store, replica }: HostedLog, from: LogIndex, to: LogIndex): LentPage {
    const { maxEntries, maxBytes } = pageLimits(this.#options.setup.config);
    const entries: Entry[] = [];
    let bytes = 0;
    try {
      for (let index: number = from; index <= to && entries.length < maxEntries; index++) {
        const entry = store.storedEntry(asIndex(index))?.entry;
        bytes += entry?.data.length ?? 0;
        if (entry === undefined || (entries.length > 0 && bytes > maxBytes)) break;
        entries.push(entry);
      }
      // What the disk knows to be committed lags behind until the next write, which may never come.
      const { commitIndex, role, term } = replica.status().raft;
      const leads = role === "leader" ? term : asTerm(0);
      const previousHash = entries.length > 0 ? store.hashAt(asIndex(from - 1)) : undefined;
      return { entries, previousHash, commitIndex, leads };
    } catch (error) {
      if (!this.damaged(error)) throw error;
      return { entries, commitIndex: asIndex(0), leads: asTerm(0) };
    }
  }

  /** Whether `found` says that the log is damaged; then it is closed and repaired. */
  damaged(found: unknown, replicaFailed = false): boolean {
    if (!isDamage(found)) return false;
    const hosted = this.#hosted;
    if (hosted === undefined || this.#recovering || this.#closing || this.#alone()) {
      return !this.#alone();
    }
    this.#recovering = true;
    this.#work = this.#recover(hosted, found, replicaFailed).finally(() => {
      this.#recovering = false;
    });
    return true;
  }

  /** Why the disk does not let the log be opened; undefined while nothing of that kind is in the way. */
  get refusal(): AnnalsError | undefined {
    return this.#diskWait.refusal;
  }

  get #directory(): string {
    return join(this.#options.setup.config.data, "logs", String(this.#options.logId));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#diskWait.stop();
    this.#mender?.stop();
    await this.#work;
    await this.#hosted?.close();
    this.#schemas.set(0);
  }

  /** Whether `failure` is a write that failed; then the log is opened again, from what is durable. */
  #failedWrite(failure: AnnalsError): boolean {
    const hosted = this.#hosted;
    const failed =
      failure.code === "ERR_STORAGE_FAILED" || diskRefusal(failure, this.#directory) !== undefined;
    if (!failed || hosted === undefined || this.#recovering || this.#closing) return false;
    this.#recovering = true;
    this.#work = this.#reopen(hosted, failure).finally(() => {
      this.#recovering = false;
    });
    return true;
  }

  /**
   * A failed flush is never repeated on an open file, since the system may have dropped what it could not write. The store is closed, and
   * another one is opened from what the disk has; its replica begins as a follower, whose log is compared with the leader's.
   */
  async #reopen(hosted: HostedLog, error: AnnalsError): Promise<void> {
    this.#hosted = undefined;
    this.#line("warn", "a write failed: the log is closed and opened again", reasonFields(error));
    this.#cutLinks(hosted, "ERR_LOG_NOT_OPEN", "a write to the log failed on this node");
    this.#durable = hosted.store.durable();
    await this.#closeFailed(hosted);
    await this.#diskWait.wait(writeFailed(error, this.#directory));
    await this.#open();
  }

  #cutLinks({ linkIds }: HostedLog, code: string, reason: string): void {
    for (const linkId of linkIds) this.#options.send({ kind: "linkFault", linkId, code, reason });
  }

  async #recover(hosted: HostedLog, error: AnnalsError, replicaFailed: boolean): Promise<void> {
    const { code, message } = error;
    this.#line("warn", "damage met: the log is closed until it is repaired", {
      code,
      reason: message,
    });
    // The others elect somebody anyway; a leader that hands over spares its clients the wait.
    if (!replicaFailed) await handOver(hosted);
    this.#hosted = undefined;
    this.#note({ what: message, entries: undefined, missing: false });
    this.#cutLinks(hosted, "ERR_LOG_REPAIRING", "the log is being repaired on this node");
    await this.#closeFailed(hosted);
    if (await this.#mend(error)) await this.#open();
  }

  /** Closes a log of which the last write may fail: what it was to hold is derived from the entries again. */
  async #closeFailed(hosted: HostedLog): Promise<void> {
    await hosted.close().catch((cause: unknown) => {
      const text = "the last derived state was not written";
      this.#line("warn", text, reasonFields(cause));
    });
  }

  /** Opens the log, repairing it first if need be. Tells the gateway how it ends. */
  async #open(): Promise<void> {
    while (!this.#closing) {
      try {
        const hosted = await this.#host();
        // Closed in the meantime: whoever closes waits for this and closes what is here.
        this.#hosted = hosted;
        this.#diskWait.over();
        this.#options.send({ kind: "opened", logId: this.#options.logId });
        return;
      } catch (error) {
        const refusal = diskRefusal(error, this.#directory);
        if (refusal !== undefined) {
          await this.#diskWait.wait(refusal);
          continue;
        }
        if (!isDamage(error) || this.#alone()) return this.#failed(error);
        if (!(await this.#mend(error))) return;
      }
    }
  }

  async #host(): Promise<HostedLog> {
    const { setup, logId, name, voters, campaign, members, send, congested, blobPermits } =
      this.#options;
    const onWarning = (text: string): void => this.#line("warn", text, {});
    const store = await openStore({ config: setup.config, logId, name, voters, onWarning });
    const directory = join(setup.config.data, "logs", String(logId));
    try {
      if (this.#durable !== undefined) await settle(store, this.#durable);
      this.#durable = undefined;
      return new HostedLog({
        logId,
        name,
        store,
        histories: await PeerHistories.of({ logId, setup, members, directory }),
        blobs: blobsOf(setup.config, logId, this.#options.announced),
        blobPermits,
        ledger: this.#options.ledger,
        stamps: this.#options.stamps,
        setup,
        members,
        campaign,
        sendToGateway: send,
        congested,
        heldReplies: this.#options.heldReplies,
        onCaughtUp: (progress) => send({ kind: "caughtUp", logId, progress }),
        onFailed: (error) => {
          if (!this.damaged(error, true) && !this.#failedWrite(error))
            send({ kind: "failed", logId, error: toPlainError(error) });
        },
      });
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** True when the log can be opened again. */
  async #mend(cause: AnnalsError): Promise<boolean> {
    if (this.#closing) return false;
    const { logId, setup, members } = this.#options;
    const mender = new LogMender({
      logId,
      setup,
      members,
      directory: this.#directory,
      diskWait: this.#diskWait,
      onNote: (note) => this.#note(note),
      onLine: (level, text, fields) => this.#line(level, text, fields),
    });
    this.#mender = mender;
    try {
      const outcome = await mender.mend();
      switch (outcome.kind) {
        case "repaired":
          return true;
        case "sound":
          this.#falseAlarms += 1;
          if (this.#falseAlarms > FALSE_ALARMS_MAX) this.#failed(cause);
          return this.#falseAlarms <= FALSE_ALARMS_MAX;
        case "unusable":
          this.#options.send({
            kind: "unusable",
            logId,
            what: `${outcome.what}; ${cause.message}`,
          });
          return false;
        case "stopped":
          return false;
        default:
          return outcome satisfies never;
      }
    } catch (error) {
      this.#failed(error);
      return false;
    } finally {
      this.#mender = undefined;
    }
  }

  /** A cluster of one has nobody to get entries from. */
  #alone(): boolean {
    return this.#options.members().length < 2;
  }

  #failed(error: unknown): void {
    const { send, logId, onUnexpected } = this.#options;
    onUnexpected(error);
    send({ kind: "openFailed", logId, error: toPlainError(error) });
  }

  #note(note: RepairNote): void {
    this.#options.send({ kind: "repairing", logId: this.#options.logId, note });
  }

  #line(level: "info" | "warn", text: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.send({ kind: "line", level, text, fields: { log: this.name, ...fields } });
  }
}

/** What clients and the status are told while the log is closed after a write that failed. */
function writeFailed(error: AnnalsError, path: string): AnnalsError {
  const details = { path, errno: errnoOf(error) };
  const message = `a write failed, and the log is opened again: ${causeText(error)}`;
  return new AnnalsError("ERR_DISK_UNAVAILABLE", message, { retryable: true, details });
}

/** Damage of what is stored; a write that failed is another matter, and final. */
function isDamage(error: unknown): error is AnnalsError {
  if (!(error instanceof AnnalsError)) return false;
  return error.code === "ERR_ENTRY_DAMAGED" || error.code === "ERR_LOG_DAMAGED";
}

async function handOver({ replica }: HostedLog): Promise<void> {
  const deadline = performance.now() + HAND_OVER_MS;
  if (replica.role !== "leader" || replica.transferLeadership() === undefined) return;
  while (replica.role === "leader" && performance.now() < deadline) await delay(HAND_OVER_POLL_MS);
}
