import { randomInt } from "node:crypto";
import { setImmediate } from "node:timers";
import { causeText, exactly } from "@annals/channel";
import type { Ledger } from "@annals/flow";
import { NOBODY } from "@annals/raft";
import type { MemberId, Message, Role, Trace } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { nextMembershipChange, Replica } from "@annals/replica";
import type { Clock, Divergence, PeerRefusal, StampClock } from "@annals/replica";
import type { BlobStore, EmptiedMark, LmdbLogStore } from "@annals/storage";
import { SYSTEM_LOG_ID } from "@annals/system";
import { Receiver, receiveWindow } from "@annals/transport";
import type { Permits } from "@annals/transport";
import { encodeFrame, readPeerMessages, zstdBatch } from "@annals/wire";
import type {
  FromWorker,
  HostedLogStatus,
  PeerAddress,
  PeerChange,
  WorkerSetup,
} from "./lane/messages.ts";
import { BlobTroubles } from "./blobTroubles.ts";
import { divergenceReason } from "./divergenceReason.ts";
import { groupConditions } from "./groupRequests.ts";
import { CatchUp } from "./catchUp.ts";
import type { PeerHistories } from "./peerHistories.ts";
import { linksFrom } from "./linksFrom.ts";
import { LinkReplies } from "./linkReplies.ts";
import { PeerStreams } from "./peerStreams.ts";
import { rolledBackReason } from "./recoveryReason.ts";
import { replayCommands } from "./replayCommands.ts";
import { replicaConfig } from "./replicaConfig.ts";
import { standUnlessLed, succeed } from "./succession.ts";
import { Turns } from "./turns.ts";

const WORKER_CLOCK: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  defer: (turn) => void setImmediate(turn),
};

export interface HostedLogOptions {
  readonly logId: number;
  readonly name: string;
  readonly store: LmdbLogStore;
  readonly histories: PeerHistories;
  readonly blobs: BlobStore;
  /** Blobs that this worker sends at a time, over all its logs. */
  readonly blobPermits: Permits;
  /** The gauges of the worker. */
  readonly ledger: Ledger;
  readonly setup: WorkerSetup;
  /** Says what time it is; all logs of the worker share it. */
  readonly stamps: StampClock;
  readonly members: () => readonly PeerAddress[];
  /** Whether a member has a say in this log. */
  readonly heeds: (member: MemberId) => boolean;
  readonly campaign: boolean;
  readonly sendToGateway: (message: FromWorker) => void;
  readonly congested: () => boolean;
  /** Replies over links that wait for room in the lane, of all logs of the worker. */
  readonly heldReplies: Set<LinkReplies>;
  /** What was committed when the log was opened is applied; or nothing moves, and others may go first. */
  readonly onCaughtUp: (progress: boolean) => void;
  /** The replica has ended by itself. */
  readonly onFailed: (error: AnnalsError) => void;
}

/** The other nodes open a new log a moment later than the one that is to lead it. */
const CAMPAIGN_TICKS = 4;

/** Ticks between two looks at whether the membership is what it should be. */
const RECONCILE_TICKS = 10;

/** Shortest election timeouts in which a leader is found unless there is no quorum: the first one takes up to two of them. */
const SILENT_ELECTIONS = 3;

/** Refused messages of peers are told at most so often; all are counted. */
const REFUSAL_LINE_MS = 10_000;

/** Why a follower did not get a blob. */
const BLOB_TROUBLES: ReadonlySet<string> = new Set(["ERR_BLOB_NOT_SAVED", "ERR_BLOB_GONE"]);

interface Inbound {
  readonly from: MemberId;
  readonly receiver: Receiver;
  readonly replies: LinkReplies;
}

/** One log in a worker: its replica, its streams to peers, and the links over which leaders stream to it. */
export class HostedLog {
  readonly name: string;
  readonly store: LmdbLogStore;
  readonly replica: Replica;
  /** Bodies of appends are read one after the other. */
  readonly appendTurns: Turns = new Turns();
  readonly #options: HostedLogOptions;
  readonly #streams: PeerStreams;
  readonly #inbound = new Map<number, Inbound>();
  readonly #catchUp: CatchUp;
  readonly #blobTroubles = new BlobTroubles(({ text, fields }) => this.#line("warn", text, fields));
  #campaignInTicks: number;
  #refusalToldMs = Number.NEGATIVE_INFINITY;
  #ticks = 0;

  constructor(options: HostedLogOptions) {
    const { logId, setup, store, sendToGateway } = options;
    this.#options = options;
    this.name = options.name;
    this.store = store;
    this.#campaignInTicks = options.campaign ? CAMPAIGN_TICKS : 0;
    this.#streams = new PeerStreams({
      logId,
      setup,
      members: options.members,
      blobs: options.blobs,
      blobPermits: options.blobPermits,
      ledger: options.ledger,
      sendToGateway,
      congested: options.congested,
      onMessages: (messages, from) => {
        if (options.heeds(from)) this.replica.receive(messages, undefined, from);
      },
      onBlobHeld: (member) => this.#blobTroubles.over(`to ${member}`),
      onLost: (member, { code, reason }) => {
        if (BLOB_TROUBLES.has(code)) this.#blobTroubles.met(`to ${member}`, code, reason);
        this.#line("debug", "data link lost", { member, code, reason });
        this.replica.reportUnreachable(member);
      },
    });
    if (logId === SYSTEM_LOG_ID) replayCommands(store, sendToGateway);
    this.replica = new Replica({
      self: setup.self,
      config: replicaConfig(setup.config),
      store,
      blobs: {
        missing: (digests) => options.blobs.missing(digests),
        want: (digests, from) => this.#withheld(digests, from),
      },
      ...options.histories.ofReplica,
      transport: this.#streams,
      clock: WORKER_CLOCK,
      stamps: options.stamps,
      nodeOf: (member) => options.members().find((one) => one.member === member)?.node,
      randomBelow: randomInt,
      ...(setup.config.log.compression === "zstd" ? { compress: zstdBatch } : {}),
      ledger: options.ledger,
      events: {
        onRole: (role, leader, term) => {
          if (role !== "leader") this.#streams.closeLinks();
          // A leader is not named until it takes requests.
          this.#roleIs(role, role === "leader" ? NOBODY : leader, term);
        },
        onTakesRequests: (term) => this.#roleIs("leader", setup.self, term),
        onCommand: (index, data) => sendToGateway({ kind: "command", index, data: exactly(data) }),
        onTrace: (trace) => this.#trace(trace),
        onRefused: (from, refusal) => this.#refused(from, refusal),
        onClockHandOver: (to) =>
          this.#line("warn", "handed over: this node's clock is wrong", { to }),
        onDiverged: (divergence) => this.#diverged(divergence),
        onFailed: options.onFailed,
      },
    });
    const { electionTicks, tick } = setup.config.raft;
    this.#catchUp = new CatchUp({
      replica: this.replica,
      silentMs: SILENT_ELECTIONS * electionTicks * tick,
      now: () => WORKER_CLOCK.now(),
      onEnd: options.onCaughtUp,
    });
    if (!options.campaign) standUnlessLed(this.replica, setup.config.raft);
  }

  tick(elapsed: number): void {
    if (this.#campaignInTicks > 0 && --this.#campaignInTicks === 0) this.replica.campaign();
    this.replica.tick(elapsed);
    this.#ticks++;
    if (this.#ticks % RECONCILE_TICKS !== 0) return;
    this.#catchUp.look();
    void this.store.look();
    if (this.replica.role === "leader") this.#reconcile();
  }

  /** Brings the membership of the log towards the members of the cluster, one safe step at a time. */
  #reconcile(): void {
    const desired = this.#options.members().map(({ member }) => member);
    const change = nextMembershipChange(this.replica.status().raft, desired);
    if (change !== undefined) this.replica.proposeMembership(change);
  }

  /** Votes and heartbeats from the control link of a member; untrusted. */
  onControl(bytes: Uint8Array, from: MemberId): void {
    if (!this.#options.heeds(from)) return;
    try {
      const { self: to } = this.#options.setup;
      const messages = readPeerMessages(bytes, { place: "control:dialler", from, to });
      this.#streams.heard(from);
      this.replica.receive(messages);
    } catch (error) {
      if (!(error instanceof AnnalsError)) throw error;
      const { code, message: reason } = error;
      // One of many would do, and the link brings more of the kind until it is closed.
      if (!this.#options.congested())
        this.#options.sendToGateway({ kind: "peerFault", member: from, code, reason });
    }
  }

  /** What the control link to a node says of it. */
  peerChanged(node: string, change: PeerChange): void {
    this.#streams.peerChanged(node, change);
    const { raft } = this.#options.setup.config;
    if (change.kind === "gone" && this.#leads(node)) succeed(this.replica, raft.tick);
    if (change.kind === "back") standUnlessLed(this.replica, raft);
  }

  #leads(node: string): boolean {
    const { leader } = this.replica;
    return this.#options.members().some((peer) => peer.member === leader && peer.node === node);
  }

  linkOpened(linkId: number, from: MemberId, epoch: number): void {
    const { setup, sendToGateway } = this.#options;
    const { receive } = setup.config.replication;
    const { congested, heldReplies: held } = this.#options;
    const limits = {
      eventHighWaterMark: receive.eventHighWaterMark,
      maxQueueBytes: receive.maxQueueBytes,
      maxCommitBacklog: receive.maxCommitBacklog,
      yieldAfterMs: receive.yieldAfter,
    };
    const window = receiveWindow(limits);
    const replies = new LinkReplies({
      linkId,
      epoch,
      send: sendToGateway,
      window,
      congested,
      held,
    });
    this.#streams.upstreamOpened(from, replies);
    const receiver = new Receiver({
      ledger: this.#options.ledger,
      limits,
      ends: { place: "data:dialler", from, to: setup.self },
      blobs: {
        files: this.#options.blobs,
        maxBlobBytes: setup.config.replication.blob.maxBytes,
        sendAnswer: (digest, answer) => {
          const bytes = exactly(encodeFrame({ kind: "blobAnswer", digest, answer }));
          sendToGateway({ kind: "linkSend", linkId, frames: [bytes] });
        },
        onSaved: () => this.#blobTroubles.over(`from ${from}`),
        onNotSaved: (_digest, error) =>
          this.#blobTroubles.met(`from ${from}`, error.code, causeText(error)),
      },
      deliver: (messages: readonly Message[], receipt) =>
        this.replica.receive(messages, receipt, from),
      sendGrant: (credit) => replies.grant(credit),
      onReleased: (bytes) => replies.release(bytes),
      onFault: ({ code, message }) =>
        sendToGateway({ kind: "linkFault", linkId, code, reason: message }),
      now: () => performance.now(),
    });
    this.#inbound.set(linkId, { from, receiver, replies });
  }

  /** A member said what no replica says: the links of this log are closed, not the control link, which all logs share. */
  #refused(from: MemberId, { code, reason }: PeerRefusal): void {
    const now = WORKER_CLOCK.now();
    if (now >= this.#refusalToldMs + REFUSAL_LINE_MS) {
      this.#refusalToldMs = now;
      const { refusedMessages } = this.replica.status();
      this.#line("warn", "a peer's message was refused", { code, reason, from, refusedMessages });
    }
    this.cutFrom((member) => member === from, code, reason);
    this.#streams.cut(from, { code, reason });
  }

  /** Closes the links over which some members stream to this log. */
  cutFrom(isCut: (member: MemberId) => boolean, code: string, reason: string): void {
    for (const linkId of linksFrom(this.#inbound, isCut))
      this.#options.sendToGateway({ kind: "linkFault", linkId, code, reason });
  }

  #roleIs(
    role: Role,
    leader: MemberId,
    term: number,
    diverged = this.#options.histories.known !== undefined,
  ): void {
    const { logId, sendToGateway } = this.#options;
    sendToGateway({ kind: "role", logId, role, leader, term, diverged });
  }

  #diverged(divergence: Divergence): void {
    this.#roleIs("follower", NOBODY, this.replica.status().raft.term, true);
    this.#line("warn", divergenceReason(divergence), { code: "ERR_LOG_DIVERGED", divergence });
  }

  /** A leader sent entries before their blobs: it sends both again, the blobs first. */
  #withheld(digests: readonly string[], from: MemberId): void {
    this.#line("debug", "entries withheld until their blobs are here", { from, digests });
  }

  linkFrame(linkId: number, bytes: Uint8Array): void {
    const inbound = this.#inbound.get(linkId);
    if (inbound === undefined)
      this.#options.sendToGateway({
        kind: "linkReleased",
        linkId,
        bytes: bytes.length,
        frames: 1,
      });
    else inbound.receiver.onFrame(bytes);
  }

  linkClosed(linkId: number): void {
    const inbound = this.#inbound.get(linkId);
    if (inbound === undefined) return;
    this.#inbound.delete(linkId);
    inbound.receiver.close();
    this.#streams.upstreamClosed(inbound.from, inbound.replies);
  }

  /** Whose copy this one was emptied for, when it was opened. */
  get emptied(): EmptiedMark | undefined {
    return this.#options.histories.emptied;
  }

  status(): HostedLogStatus {
    const status = this.replica.status();
    return {
      raft: status.raft,
      firstSeq: 1,
      appliedSeq: status.appliedSeq,
      headHash: Buffer.from(status.headHash).toString("hex"),
      diskBytes: status.diskBytes,
      pendingBytes: status.pendingBytes,
      stalled: status.stalled,
      diskFull: status.diskFull,
      diskRefusal: this.store.refusal?.message,
      diverged: status.diverged,
      flushes: status.flushes,
      refusedMessages: status.refusedMessages,
      stampsAhead: status.stampsAhead,
      clockHandOvers: status.clockHandOvers,
      blobsNotSaved: this.#blobTroubles.count,
      sent: this.#streams.sent(),
      groups: groupConditions(this.replica, this.#options.setup.config.groups.lease),
      paused: [...this.#inbound.values()].flatMap(({ from, receiver }) => {
        const reasons = [...receiver.gate.reasons().keys()];
        return reasons.length === 0 ? [] : [{ member: from, reasons }];
      }),
    };
  }

  async close(): Promise<void> {
    this.#streams.close();
    for (const linkId of this.#inbound.keys()) this.linkClosed(linkId);
    this.#options.histories.close();
    await this.replica.close();
  }

  #trace(trace: Trace): void {
    if (trace.kind === "rolledBack") this.#line("warn", rolledBackReason(trace), {});
    if (trace.kind === "filled") this.#options.histories.filled((...line) => this.#line(...line));
    const level = trace.kind.startsWith("became") ? "info" : "debug";
    if (!this.#tells(level)) return;
    const { kind, ...fields } = trace;
    this.#line(level, kind, fields);
  }

  /** Debug lines are not even made unless somebody asked for them: the core traces every message. */
  #tells(level: "debug" | "info" | "warn"): boolean {
    return level !== "debug" || DEBUG_LEVELS.has(this.#options.setup.config.log.level);
  }

  #line(
    level: "debug" | "info" | "warn",
    text: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    if (!this.#tells(level)) return;
    const { name, sendToGateway } = this.#options;
    sendToGateway({ kind: "line", level, text, fields: { log: name, ...fields } });
  }
}

const DEBUG_LEVELS: ReadonlySet<string> = new Set(["trace", "debug"]);
