import { asMemberId } from "@annals/raft";
import type { MemberId, MembershipState, Message, Role, Term } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import { NO_BLOBS, Replica } from "@annals/replica";
import type { Clock, PeerTransport } from "@annals/replica";
import type { Observed } from "../checkers/checker.ts";
import type { DiskImage } from "../storage/diskImage.ts";
import { SimulatedDisk } from "../storage/simulatedLogStore.ts";
import type { SimulatedLogStore } from "../storage/simulatedLogStore.ts";
import type { LogUnderTest } from "./logUnderTest.ts";
import type { Random } from "./random.ts";
import type { SimulatedNode } from "./simulatedNode.ts";

/** One replica of one log: a disk that outlives crashes, and the production replica that runs on it while its node is up. */
export class SimulatedReplica implements Observed {
  readonly log: number;
  readonly node: number;
  readonly id: MemberId;
  readonly disk: SimulatedDisk;
  readonly host: SimulatedNode;
  readonly #under: LogUnderTest;
  readonly #random: Random;
  #running: { readonly replica: Replica; readonly store: SimulatedLogStore } | undefined;
  #failure: AnnalsError | undefined;
  #storageFailed = false;
  #closing = false;

  constructor(under: LogUnderTest, host: SimulatedNode, membership: MembershipState) {
    this.log = under.number;
    this.node = host.id;
    this.id = asMemberId(host.id);
    this.host = host;
    this.#under = under;
    this.#random = under.world.random(100 * host.id + under.number);
    const { mutant } = under.world;
    this.disk = mutant?.makeDisk?.(membership, under.world) ?? new SimulatedDisk(membership);
  }

  /** Undefined while the node is down. */
  get replica(): Replica | undefined {
    return this.#running?.replica;
  }

  get durable(): DiskImage {
    return this.disk.image;
  }

  get view(): DiskImage {
    return this.#running?.store.view ?? this.disk.image;
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
    const life = this.host.life;
    const store = this.disk.open({ onWrite: (written) => this.#onWrite(written, life) });
    const clock: Clock = {
      now: () => world.scheduler.nowUs / 1000,
      wallTime: () => this.host.wallTime(),
      defer: (turn) =>
        world.scheduler.after(this.#random.below(60), () => {
          this.host.run(life, () => this.#turn(turn));
        }),
    };
    const transport: PeerTransport = { send: (to, messages) => this.#send(to, messages) };
    const replica = new Replica({
      self: this.id,
      config: world.plan.config,
      store: world.mutant?.wrapStore?.(store, this) ?? store,
      blobs: NO_BLOBS,
      transport: world.mutant?.wrapTransport?.(transport, this) ?? transport,
      clock,
      randomBelow: (n) => this.#random.below(n),
      events: {
        onRole: (role, leader, term) => this.#onRole(role, leader, term),
        onCommand: () => {},
        onTrace: (trace) => {
          if (world.journal.keepsLines)
            world.journal.say(this.node, this.log, JSON.stringify(trace));
        },
        onFailed: (error) => this.#onFailed(error),
      },
    });
    this.#running = { replica, store };
    for (const checker of this.#under.checkers) checker.started?.(this);
  }

  /** The process dies; a write in the air is lost, or had just reached the disk. */
  crash(keepPending: boolean): void {
    const before = this.disk.image.hardState;
    this.#running?.store.crash({ keepPending });
    this.#running = undefined;
    if (keepPending) for (const checker of this.#under.checkers) checker.flushed?.(this, before);
  }

  /** The orderly end: hands leadership over and closes the replica. */
  stop(): Promise<void> {
    if (this.#closing || this.#failure !== undefined) return Promise.resolve();
    this.replica?.transferLeadership();
    this.#closing = true;
    return this.replica?.close() ?? Promise.resolve();
  }

  /** A frame arrives. */
  receive(messages: readonly Message[]): void {
    const { world, receipts } = this.#under;
    const withReceipt = messages.some((message) => message.kind === "appendEntries");
    const through = world.mutant?.receive?.(messages, this) ?? messages;
    this.replica?.receive(through, withReceipt ? receipts.issue(this) : undefined);
  }

  #turn(turn: () => void): void {
    const { world, checkers, bounds } = this.#under;
    turn();
    if (this.#closing || this.#failure !== undefined) return;
    const status = this.replica?.status();
    if (status === undefined) return;
    const { term, commitIndex, lastIndex } = status.raft;
    world.journal.note("turn", this.node, this.log, term * 2 ** 20 + commitIndex + lastIndex * 31);
    for (const checker of checkers) checker.turned?.(this, status.raft);
    bounds.turned(this, status);
  }

  #send(to: MemberId, messages: readonly Message[]): void {
    const { checkers, world } = this.#under;
    for (const message of messages) {
      for (const checker of checkers) checker.sent?.(this, message);
    }
    world.network.send(this, to, messages);
  }

  #onRole(role: Role, leader: MemberId, term: Term): void {
    const { world, checkers } = this.#under;
    world.journal.note(
      "role",
      this.node,
      this.log,
      term,
      () => `${role} ${term}, leader ${leader}`,
    );
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
      this.host.run(life, () => this.#finishWrite(store));
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
    store.completeWrite();
    const { stored, hardState } = this.disk.image;
    world.journal.note(
      "flush",
      this.node,
      this.log,
      hardState.term * 2 ** 20 + stored.count,
      () => {
        return `up to ${stored.count}, term ${hardState.term}, vote ${hardState.votedFor}, commit ${hardState.commitIndex}`;
      },
    );
    for (const checker of checkers) checker.flushed?.(this, before);
  }
}
