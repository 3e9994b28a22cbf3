import { join } from "node:path";
import { reasonFields, toPlainError } from "@annals/channel";
import type { Gauge, Ledger } from "@annals/flow";
import type { LogIndex, MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { StampClock } from "@annals/replica";
import { diskRefusal } from "@annals/storage";
import type { AnnouncedBytes, TailScanner } from "@annals/storage";
import { SCHEMAS_PER_LOG_MAX } from "@annals/system";
import type { LogDecision, LogSchema } from "@annals/system";
import type { Permits } from "@annals/transport";
import { blobsOf } from "./blobs.ts";
import type { FromWorker, PeerAddress, RepairNote, WorkerSetup } from "./lane/messages.ts";
import { HostedLog } from "./hostedLog.ts";
import { SchemaJudge } from "./schema/schemaJudge.ts";
import type { LinkReplies } from "./linkReplies.ts";
import { DiskWait } from "./diskWait.ts";
import { writeFailed } from "./failedWrite.ts";
import { LogMender } from "./logMender.ts";
import { logResolving, LogVerdict, NOT_HEEDED } from "./logVerdict.ts";
import { NO_PAGE, storedPage } from "./lentPage.ts";
import type { LentPage } from "./lentPage.ts";
import { PeerHistories } from "./peerHistories.ts";
import { openStore } from "./openStore.ts";
import { pageLimits } from "./pageLimits.ts";
import { settle } from "./settle.ts";
import { handOver } from "./succession.ts";
import type { Durable } from "./settle.ts";

export interface LogLifecycleOptions {
  readonly logId: number;
  readonly name: string;
  readonly voters: readonly MemberId[];
  readonly campaign: boolean;
  /** The latest one that was made for the log. */
  readonly decision: LogDecision | undefined;
  /** Its files were read a moment ago, and are clean. */
  readonly scanned: boolean;
  /** Blobs that this worker sends at a time, over all its logs. */
  readonly blobPermits: Permits;
  /** To blobs on their way, over all logs of the worker. */
  readonly announced: AnnouncedBytes;
  /** Reads logs before they are opened, over all logs of the worker. */
  readonly scanner: TailScanner;
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

/** In place of the scanner where the files were read a moment ago. */
const SCANNED: Pick<TailScanner, "scan"> = { scan: () => Promise.resolve() };
/** Damage that was met and is not found when the log is read again may come from memory: not for ever. */
const FALSE_ALARMS_MAX = 3;

/**
 * A log for as long as this worker keeps it: opened, closed when it is found damaged, repaired, and opened again. Its replica runs only on
 * a log that is whole, so a damaged one is no more than a replica that is away.
 */
export class LogLifecycle {
  readonly name: string;
  readonly #options: LogLifecycleOptions;
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
  /** Nothing has touched the files since they were read. */
  #scanned: boolean;
  readonly #diskWait: DiskWait;
  readonly #verdict: LogVerdict;
  /** Why the log is closed while a decision is carried out. */
  #resolving: AnnalsError | undefined;

  constructor(options: LogLifecycleOptions) {
    this.#options = options;
    this.name = options.name;
    this.#scanned = options.scanned;
    this.#schemas = options.ledger.family("log.schemas").gauge(SCHEMAS_PER_LOG_MAX);
    const { logId, send } = options;
    this.#diskWait = new DiskWait({
      onRefusal: (reason) => send({ kind: "refused", logId, reason }),
      onLine: (level, text, fields) => this.#line(level, text, fields),
    });
    this.#verdict = new LogVerdict(
      {
        ...options,
        ...options.setup,
        onDone: (decision) => send({ kind: "resolved", logId, decision }),
        onLine: (level, text, fields) => this.#line(level, text, fields),
      },
      options.decision,
    );
    this.#work = this.#open();
  }

  /** Somebody has decided which copy is kept, or a member has carried it out. A copy that it concerns is closed, and opened again. */
  decide(decision: LogDecision): void {
    this.#verdict.learn(decision);
    const { code, reason } = NOT_HEEDED;
    this.#hosted?.cutFrom((member) => !this.heeds(member), code, reason);
    if (this.#verdict.due === undefined) return;
    this.#mender?.stop();
    this.#recovering = true;
    this.#work = this.#work
      .then(() => this.#takeUp())
      .finally(() => {
        this.#recovering = false;
      });
  }

  async #takeUp(): Promise<void> {
    const decision = this.#verdict.due;
    if (decision === undefined || this.#closing) return;
    this.#recovering = true;
    const hosted = this.#hosted;
    this.#hosted = undefined;
    this.#resolving = logResolving(decision);
    const { send, logId } = this.#options;
    send({ kind: "resolving", logId, keep: decision.keep });
    if (hosted !== undefined) {
      const { code, message } = this.#resolving;
      hosted.cutFrom(everybody, code, message);
      await this.#closeFailed(hosted);
    }
    await this.#open();
    this.#resolving = undefined;
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
    return this.#mender !== undefined || (this.#recovering && this.#resolving === undefined);
  }

  /** Entries from `from` on that are intact here, for a peer's repair; empty when the first one is not. */
  page(from: LogIndex, to: LogIndex): LentPage {
    const hosted = this.#hosted;
    if (hosted === undefined) return this.#mender?.page(from, to) ?? NO_PAGE;
    const limits = pageLimits(this.#options.setup.config);
    return storedPage(hosted, { from, to, ...limits }, (error) => {
      if (!this.damaged(error)) throw error;
    });
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

  /** Whether a member has a say in this log. */
  readonly heeds = (member: MemberId): boolean => this.#verdict.heeds(member);

  /** Why the log is closed, where the disk does not let it be opened or a decision is carried out; undefined otherwise. */
  get refusal(): AnnalsError | undefined {
    return this.#diskWait.refusal ?? this.#resolving;
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
    hosted.cutFrom(everybody, "ERR_LOG_NOT_OPEN", "a write to the log failed on this node");
    this.#durable = hosted.store.durable();
    await this.#closeFailed(hosted);
    await this.#diskWait.wait(writeFailed(error, this.#directory));
    await this.#open();
  }

  async #recover(hosted: HostedLog, error: AnnalsError, replicaFailed: boolean): Promise<void> {
    const { code, message } = error;
    this.#line("warn", "damage met: the log is closed until it is repaired", {
      code,
      reason: message,
    });
    // The others elect somebody anyway; a leader that hands over spares its clients the wait.
    if (!replicaFailed) await handOver(hosted.replica);
    this.#hosted = undefined;
    this.#note({ what: message, entries: undefined, missing: false });
    hosted.cutFrom(everybody, "ERR_LOG_REPAIRING", "the log is being repaired on this node");
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
        if (this.#verdict.due !== undefined) this.#scanned = false;
        // What a failed write had flushed lies aside then.
        if (await this.#verdict.carryOut()) this.#durable = undefined;
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
    const scanner = this.#scanned ? SCANNED : this.#options.scanner;
    this.#scanned = false;
    const heeds = this.heeds;
    const onWarning = (text: string): void => this.#line("warn", text, {});
    const store = await openStore({
      config: setup.config,
      logId,
      name,
      voters,
      scanner,
      onWarning,
    });
    const directory = join(setup.config.data, "logs", String(logId));
    try {
      if (this.#durable !== undefined) await settle(store, this.#durable);
      this.#durable = undefined;
      return new HostedLog({
        logId,
        name,
        store,
        heeds,
        histories: await PeerHistories.of({ logId, setup, members, heeds, directory }),
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
      heeds: this.heeds,
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

/** Damage of what is stored; a write that failed is another matter, and final. */
function isDamage(error: unknown): error is AnnalsError {
  if (!(error instanceof AnnalsError)) return false;
  return error.code === "ERR_ENTRY_DAMAGED" || error.code === "ERR_LOG_DAMAGED";
}

function everybody(): boolean {
  return true;
}
