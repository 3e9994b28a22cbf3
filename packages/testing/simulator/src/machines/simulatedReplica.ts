import { CYCLE_STEPS, isInForce, SimulatedDisk } from "@annals/kit";
import type { CycleStep, DiskImage, Random, SimulatedLogStore } from "@annals/kit";
import { asMemberId } from "@annals/raft";
import type {
  LogIndex,
  MemberId,
  MembershipState,
  Message,
  RaftStatus,
  Role,
  Term,
} from "@annals/raft";
import { AnnalsError, asSeq } from "@annals/record";
import { Replica } from "@annals/replica";
import type {
  Clock,
  LogStore,
  PeerTransport,
  RepairOutcome,
  RepairPage,
  StoredEntry,
} from "@annals/replica";
import { zstdBatch } from "@annals/wire";
import { SimulatedRepair } from "./simulatedRepair.ts";
import { lentPage, SimulatedHistories } from "./simulatedHistories.ts";
import { SimulatedBlobs } from "./simulatedBlobs.ts";
import { DiskPast } from "../world/diskPast.ts";
import { decodeRosterCommand, SYSTEM_LOG } from "../world/roster.ts";
import type { Host, Member } from "../world/machine.ts";
import type { WatchedLog } from "../world/log.ts";

/** One replica of one log: a disk that outlives crashes, and the production replica that runs on it while its node is up. */
export class SimulatedReplica implements Member {
  readonly log: number;
  readonly node: number;
  readonly id: MemberId;
  readonly born: MembershipState;
  #disk: SimulatedDisk;
  #past: DiskPast;
  readonly host: Host;
  readonly blobs: SimulatedBlobs;
  readonly histories: SimulatedHistories;
  readonly #under: WatchedLog;
  readonly #random: Random;
  readonly #repairRandom: Random;
  #running:
    | { readonly replica: Replica; readonly store: SimulatedLogStore; readonly reads: LogStore }
    | undefined;
  #repair: SimulatedRepair | undefined;
  #failure: AnnalsError | undefined;
  #storageFailed = false;
  #closing = false;
  #life = 0;

  constructor(under: WatchedLog, host: Host, born: MembershipState) {
    this.log = under.number;
    this.node = host.id;
    this.id = asMemberId(host.id);
    this.host = host;
    this.#under = under;
    this.#random = under.world.random(100 * host.id + under.number);
    this.#repairRandom = under.world.random(30_000 + 100 * host.id + under.number);
    this.born = born;
    this.#disk = this.#blankDisk();
    this.#past = new DiskPast(this.#disk);
    this.blobs = new SimulatedBlobs(this, under);
    this.histories = new SimulatedHistories(this, under.world);
  }

  #blankDisk(): SimulatedDisk {
    const { world } = this.#under;
    return world.mutant?.makeDisk?.(this.born, world) ?? new SimulatedDisk(this.born);
  }

  /** Counts the starts of this replica, with its process or in another worker; callbacks of an earlier life do nothing. */
  get life(): number {
    return this.#life;
  }

  get up(): boolean {
    return this.#running !== undefined;
  }

  /** Its log is damaged, and it is down until everything is back. */
  get repairing(): boolean {
    return this.#repair !== undefined;
  }

  /** The worker thread of its process that owns it: they die together. */
  get worker(): number {
    return this.log % this.#under.world.plan.workers;
  }

  /** Runs an event of a life of this replica: never, if that is over; later, if its process stands still. */
  run(life: number, action: () => void): void {
    this.host.run(this.host.life, () => {
      if (this.up && life === this.#life) action();
    });
  }

  /** Undefined while the node is down. */
  get replica(): Replica | undefined {
    return this.#running?.replica;
  }

  get disk(): SimulatedDisk {
    return this.#disk;
  }

  get past(): DiskPast {
    return this.#past;
  }

  /** FAULT: its disk is as it was at that time; only while it is down. */
  putBack(atUs: number): void {
    if (!this.#past.putBack(atUs)) return;
    this.histories.forget();
    for (const checker of this.#under.checkers) checker.putBack?.(this);
  }

  get held(): readonly DiskImage[] {
    return this.#past.held;
  }

  /** Its history and another one cannot both be right, and its disk says so. */
  get diverged(): boolean {
    return this.histories.saved;
  }

  blank(): void {
    this.#disk = this.#blankDisk();
    this.#past = new DiskPast(this.#disk);
    this.blobs.blank();
    for (const checker of this.#under.checkers) checker.blanked?.(this);
  }

  get durable(): DiskImage {
    return this.#disk.image;
  }

  get view(): DiskImage {
    return this.#running?.store.view ?? this.#disk.image;
  }

  /** Undefined when the replica is down or at its end: a closed store tells nothing. */
  get raft(): RaftStatus | undefined {
    if (this.#closing || this.#failure !== undefined) return undefined;
    return this.replica?.status().raft;
  }

  get membership(): MembershipState {
    return this.raft?.membership ?? this.#disk.image.membership;
  }

  get storageFailed(): boolean {
    return this.#storageFailed;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Why the replica gave up in its present life. */
  get failure(): AnnalsError | undefined {
    return this.#failure;
  }

  /** Starts the production code on the disk. What it throws, such as for a damaged entry, is for the node to deal with. */
  start(): void {
    const { world } = this.#under;
    this.#failure = undefined;
    this.#storageFailed = false;
    this.#closing = false;
    const life = ++this.#life;
    const store = this.disk.open({ onWrite: (written) => this.#onWrite(written, life) });
    const reads = world.mutant?.wrapStore?.(store, this) ?? store;
    const clock: Clock = {
      now: () => world.scheduler.nowUs / 1000,
      wallTime: () => this.host.clock.wallTime(),
      defer: (turn) =>
        world.scheduler.after(this.#random.below(60), () => {
          this.run(life, () => this.#turn(turn));
        }),
    };
    const transport: PeerTransport = { send: (to, messages) => this.#send(to, messages) };
    if (this.log === SYSTEM_LOG) this.#replayRoster();
    const replica = new Replica({
      self: this.id,
      config: world.plan.config,
      store: reads,
      histories: this.histories,
      ...this.histories.emptied,
      blobs: world.mutant?.wrapBlobs?.(this.blobs, this) ?? this.blobs,
      transport: world.mutant?.wrapTransport?.(transport, this) ?? transport,
      clock,
      stamps: this.host.clock.stamps,
      nodeOf: (member) => String(world.nodes[member - 1]?.place),
      randomBelow: (n) => this.#random.below(n),
      ...(world.plan.compressed ? { compress: zstdBatch } : {}),
      events: {
        onRole: (role, leader, term) => this.#onRole(role, leader, term),
        onCommand: (_index, data) => this.#onCommand(data),
        onTrace: (trace) => {
          this.#under.rareStates.traced(this, trace);
          this.histories.traced(trace);
          const keeps = world.journal.keepsLines;
          if (keeps) world.journal.say(this.node, this.log, JSON.stringify(trace));
        },
        onRefused: (_from, { reason }) => world.report("honest messages", reason),
        onFailed: (error) => this.#onFailed(error),
      },
    });
    this.#running = { replica, store, reads };
    for (const checker of this.#under.checkers) checker.started?.(this);
    world.trueTime.started(this);
  }

  /** Commands at or below the stored applied index are not handed out again. */
  #replayRoster(): void {
    const { stored, appliedIndex } = this.durable;
    this.host.forgetRoster();
    for (let index = 1; index <= appliedIndex; index++) {
      const entry = stored.at(index)?.entry;
      if (entry?.kind === "command") this.#onCommand(entry.data);
    }
  }

  #onCommand(data: Uint8Array): void {
    const command = this.log === SYSTEM_LOG ? decodeRosterCommand(data) : undefined;
    if (command !== undefined) this.host.roster.apply(command);
  }

  /** The process or the worker dies; a write in the air is lost, or had just reached the disk. */
  crash(step: CycleStep): void {
    this.#endRepair("stopped");
    if (this.#running === undefined) return;
    const { store } = this.#running;
    const { checkers, world } = this.#under;
    const before = this.disk.image.hardState;
    const pending = store.pendingImage;
    if (pending !== undefined)
      world.journal.note("cutCycle", this.node, this.log, CYCLE_STEPS.indexOf(step), () => step);
    store.crash(step);
    for (const checker of checkers) {
      if (isInForce(step)) checker.flushed?.(this, before);
      checker.crashed?.(this, step, pending);
    }
    this.#running = undefined;
    this.blobs.crash();
  }

  /** Closes the replica and gets the damaged entries of its disk back from peers; its node hears of the end and opens it again. */
  mend(): void {
    const { world, checkers } = this.#under;
    this.crash("begun");
    const repair = new SimulatedRepair(this, world, this.#repairRandom);
    this.#repair = repair;
    world.repairs++;
    world.journal.note("repair", this.node, this.log, this.disk.damaged.size);
    for (const checker of checkers) checker.repairing?.(this);
    repair.run().then(
      (outcome) => {
        if (this.#repair !== repair) return;
        if (outcome === "stopped") world.report("repair", `n${this.node} is ${outcome}`);
        this.#endRepair(outcome);
        if (outcome === "superseded") this.host.giveUp();
        else this.host.onMended(this);
      },
      (error: unknown) => world.report("repair", `n${this.node}: ${String(error)}`),
    );
  }

  #endRepair(outcome: RepairOutcome): void {
    const repair = this.#repair;
    if (repair === undefined) return;
    const { world, checkers } = this.#under;
    this.#repair = undefined;
    world.repairs--;
    repair.stop();
    if (outcome !== "stopped") world.journal.note(outcome, this.node, this.log, this.life);
    for (const checker of checkers) checker.repairEnded?.(this, outcome);
  }

  /** What a peer in repair gets from here: entries that are intact, from `from` on; undefined when there is nobody to ask. */
  repairPage(from: LogIndex, to: LogIndex): RepairPage | undefined {
    const reads = this.#running?.reads;
    if (reads === undefined || this.#closing || this.#failure !== undefined)
      return this.#repair?.page(from, to);
    const { maxEntries } = this.#under.world.plan.config.append;
    return lentPage(reads, this.raft, { from, to, maxEntries }, (error) => this.#damageMet(error));
  }

  #damageMet(error: unknown): void {
    if (!(error instanceof AnnalsError) || error.code !== "ERR_ENTRY_DAMAGED") throw error;
    this.host.onDamageMet(this);
  }

  /** The entry that holds this seq, as a reader gets it from the store; undefined if the store finds it damaged. */
  readSeq(seq: number): StoredEntry | undefined {
    const store = this.#running?.reads;
    try {
      const index = store?.indexOfSeq(asSeq(seq));
      return index === undefined ? undefined : store?.storedEntry(index);
    } catch (error) {
      this.#damageMet(error);
      return undefined;
    }
  }

  /** The orderly end: hands leadership over and closes the replica. */
  stop(): Promise<void> {
    this.#endRepair("stopped");
    if (this.#closing || this.#failure !== undefined) return Promise.resolve();
    this.replica?.transferLeadership();
    this.#closing = true;
    return this.replica?.close() ?? Promise.resolve();
  }

  /** A frame arrives. */
  receive(messages: readonly Message[]): void {
    const { world, receipts, checkers } = this.#under;
    const from = messages[0]?.from;
    if (from !== undefined) for (const checker of checkers) checker.received?.(this, from);
    const withReceipt = messages.some((message) => message.kind === "appendEntries");
    const through = world.mutant?.receive?.(messages, this) ?? messages;
    this.replica?.receive(through, withReceipt ? receipts.issue(this) : undefined);
  }

  #turn(turn: () => void): void {
    turn();
    if (this.#closing || (this.#failure !== undefined && this.#storageFailed)) return;
    if (this.replica === undefined) return;
    if (this.#failure === undefined) this.#under.turned(this, this.replica);
    else this.#under.turnedLast(this, this.replica.status());
  }

  #send(to: MemberId, messages: readonly Message[]): void {
    const { checkers, world } = this.#under;
    for (const message of messages) for (const checker of checkers) checker.sent?.(this, message);
    world.network.send(this, to, messages);
  }

  #onRole(role: Role, leader: MemberId, term: Term): void {
    const { world, checkers } = this.#under;
    const words = (): string => `${role} ${term}, leader ${leader}`;
    world.journal.note("role", this.node, this.log, term, words);
    for (const checker of checkers) checker.roleChanged?.(this, role, term);
  }

  #onFailed(error: AnnalsError): void {
    this.#failure = error;
    this.host.onReplicaFailed(this, error);
  }

  /** A write goes to the disk, which takes its time, and may fail or be full. */
  #onWrite(store: SimulatedLogStore, life: number): void {
    const { world, checkers } = this.#under;
    const cycle = store.pendingCycle;
    const image = store.pendingImage;
    if (cycle === undefined || image === undefined) return;
    for (const checker of checkers) checker.writing?.(this, cycle, image);
    const first = cycle.entries[0]?.index ?? Infinity;
    if (first <= store.view.stored.count)
      world.journal.note("truncated", this.node, this.log, first);
    const fate = this.host.drawFlush();
    world.scheduler.after(fate.afterUs, () => {
      this.run(life, () => this.#finishWrite(store));
    });
  }

  #finishWrite(store: SimulatedLogStore): void {
    const { world, checkers } = this.#under;
    if (this.host.diskFull) {
      world.journal.note("flush", this.node, this.log, -1, () => "refused: disk full");
      store.refuseWrite();
      return;
    }
    if (this.host.takeFailingFlush()) {
      world.journal.note("flush", this.node, this.log, -2, () => "failed");
      this.#storageFailed = store.failWrite(new Error("EIO"));
      return;
    }
    const before = this.disk.image.hardState;
    if (world.plan.putBack !== "none") this.#past.keep(world.scheduler.nowUs);
    store.completeWrite();
    const { stored, hardState } = this.disk.image;
    const value = hardState.term * 2 ** 20 + stored.count;
    world.journal.note("flush", this.node, this.log, value, () => {
      const { term, votedFor, commitIndex } = hardState;
      return `up to ${stored.count}, term ${term}, vote ${votedFor}, commit ${commitIndex}`;
    });
    for (const checker of checkers) checker.flushed?.(this, before);
  }
}
