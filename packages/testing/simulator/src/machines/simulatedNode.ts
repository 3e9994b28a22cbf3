import type { CycleStep, Random } from "@annals/kit";
import type { MemberId } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import { NodeClock } from "./nodeClock.ts";
import { reconcile } from "./reconcile.ts";
import { Roster } from "../world/roster.ts";
import type { Host, Member, Succession } from "../world/machine.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Logs } from "../world/log.ts";

/** The cluster of a machine, with the machine that takes its place when it is given up. */
type NodeWorld = Cluster &
  Logs &
  Pick<Succession, "succeed"> & {
    /** By place: the member that was there when the cluster was born. */
    readonly bornAt: ReadonlyMap<number, MemberId>;
  };

/** Ticks between two looks at whether the memberships are what they should be. */
const RECONCILE_TICKS = 10;

/** Ticks between two scrubs. */
const SCRUB_TICKS = 200;

/** One process on one machine: it carries a replica of every log, which share its fate, its disk and its clock. */
export class SimulatedNode implements Host {
  /** Also its member id in every log. */
  readonly id: number;
  /** Its place in the cluster, which another machine takes when this one has lost its disks. */
  readonly place: number;
  readonly replicas: Member[] = [];
  readonly #world: NodeWorld;
  readonly #random: Random;
  #life = 0;
  #up = false;
  #dead = false;
  /** Some read was misdirected, so that an entry may be called damaged which is not. */
  #misreads = false;
  #replaced = false;
  #roster: Roster;
  #ticks = 0;
  #held: (() => void)[] | undefined;
  #lastHeldUs = 0;
  readonly clock: NodeClock;
  #lateTickUs = 0;
  #slowFlushes = 1;
  #stalledUntilUs = 0;
  #fullUntilUs = 0;
  #failingFlushes = 0;
  #stopping = false;
  #lastHandoverUs = -Infinity;

  constructor(id: number, place: number, world: NodeWorld) {
    this.id = id;
    this.place = place;
    this.#roster = new Roster(world.bornAt);
    this.#world = world;
    this.#random = world.random(1000 + id);
    this.clock = new NodeClock(this, world);
  }

  /** Counts the starts of the process; callbacks of an earlier life do nothing. */
  get life(): number {
    return this.#life;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Down for good. */
  get dead(): boolean {
    return this.#dead;
  }

  get damaged(): boolean {
    return this.replicas.some(({ disk }) => disk.damaged.size > 0);
  }

  /** What its disks have promised may be among what is damaged: they may have to be given up. */
  get uncertain(): boolean {
    return this.replicas.some(({ disk }) => disk.uncertain);
  }

  /** Another machine has its place; this one stands in the attic, with all its disks hold. */
  get replaced(): boolean {
    return this.#replaced;
  }

  /** Down for good, by what anybody can tell. */
  get lost(): boolean {
    return this.#dead || this.#replaced;
  }

  /** Who belongs to the cluster, as far as this node has heard. */
  get roster(): Roster {
    return this.#roster;
  }

  forgetRoster(): void {
    this.#roster = new Roster(this.#world.bornAt);
  }

  get frozen(): boolean {
    return this.#held !== undefined;
  }

  /** When the process last stood still for a while. */
  get lastHeldUs(): number {
    return this.frozen ? this.#world.scheduler.nowUs : this.#lastHeldUs;
  }

  get diskFull(): boolean {
    return this.#world.scheduler.nowUs < this.#fullUntilUs;
  }

  /** Runs an event of a life of this process: never, if that is over; later, if it stands still. */
  run(life: number, action: () => void): void {
    if (!this.#up || life !== this.#life) return;
    if (this.#held === undefined) action();
    else this.#held.push(() => this.run(life, action));
  }

  start(): void {
    if (this.#up || this.#dead || this.#replaced) return;
    const { journal } = this.#world;
    this.#up = true;
    this.#life++;
    this.clock.begin();
    this.#held = undefined;
    this.#lateTickUs = 0;
    this.#stopping = false;
    this.#lastHandoverUs = -Infinity;
    journal.note("start", this.id, 0, this.#life);
    for (const replica of this.replicas) this.#startReplica(replica);
    if (this.#up) this.#tickLater(this.#life, this.#world.scheduler.nowUs);
  }

  /** A log that is found damaged is repaired first; the others of the node go on. */
  #startReplica(replica: Member): void {
    if (!this.#up || this.#stopping || replica.up || replica.repairing) return;
    if (replica.disk.uncertain) {
      // The end of a log is read before it is served.
      replica.mend();
      return;
    }
    try {
      replica.start();
    } catch (error) {
      const { code, message } = error as AnnalsError;
      if (code === "ERR_ENTRY_DAMAGED" && this.#mayMeetDamage(replica)) {
        replica.mend();
        return;
      }
      this.#world.report("starts", `n${this.id} does not start: ${message}`);
      this.crashFor(this.#random.below(2_000_000), "begun");
    }
  }

  #mayMeetDamage({ disk }: Member): boolean {
    return disk.damaged.size > 0 || this.#misreads;
  }

  /** Something that was read of this log is damaged: it is closed soon, and repaired. */
  onDamageMet(replica: Member): void {
    if (!this.#mayMeetDamage(replica))
      this.#world.report("no broken replica", `n${this.id} finds damage where there is none`);
    const [life, replicaLife] = [this.#life, replica.life];
    this.#world.scheduler.after(this.#random.below(20_000), () => {
      this.run(life, () => {
        if (!this.#stopping && replica.up && replica.life === replicaLife) replica.mend();
      });
    });
  }

  /** All that was damaged is back. */
  onMended(replica: Member): void {
    this.run(this.#life, () => this.#startReplica(replica));
  }

  /** Reads everything that its disks hold, and finds what is damaged. */
  scrub(): void {
    for (const replica of this.replicas)
      if (replica.up && replica.disk.damaged.size > 0) this.onDamageMet(replica);
  }

  crash(step: CycleStep): void {
    if (!this.#up) return;
    this.#up = false;
    this.#held = undefined;
    for (const replica of this.replicas) replica.crash(step);
  }

  crashFor(downUs: number, step: CycleStep): void {
    this.crash(step);
    this.#world.scheduler.after(downUs, () => this.start());
  }

  /** A worker thread ends with the replicas that it owns; others take them over, one per stagger interval. The process goes on. */
  crashWorker(worker: number, step: CycleStep): void {
    if (!this.#up || this.frozen || this.#stopping) return;
    const life = this.#life;
    const { scheduler, plan } = this.#world;
    for (const replica of this.replicas) {
      if (replica.worker !== worker || !(replica.up || replica.repairing)) continue;
      replica.crash(step);
      const slotUs = this.#lastHandoverUs + plan.reassignStaggerMs * 1000;
      this.#lastHandoverUs = Math.max(scheduler.nowUs, slotUs);
      scheduler.at(this.#lastHandoverUs, () => {
        this.run(life, () => this.#takeOver(replica));
      });
    }
  }

  /** A replica that was closed is opened again, after a while. */
  reopen(replica: Member, afterUs: number): void {
    const life = this.#life;
    this.#world.scheduler.after(afterUs, () => this.run(life, () => this.#takeOver(replica)));
  }

  #takeOver(replica: Member): void {
    if (this.#stopping || replica.up) return;
    this.#world.journal.note("start", this.id, replica.log, replica.life);
    this.#startReplica(replica);
  }

  /** The orderly end: replicas are closed, then the process is gone and comes back. */
  stopFor(downUs: number): void {
    const life = this.#life;
    this.#stopping = true;
    for (const replica of this.replicas) {
      replica.stop().catch((error: AnnalsError) => {
        if (error.code !== "ERR_DISK_FULL" && error.code !== "ERR_STORAGE_FAILED")
          this.#world.report("closes", `n${this.id} does not close: ${error.message}`);
      });
    }
    this.#world.scheduler.after(100_000 + this.#random.below(200_000), () => {
      if (life === this.#life) this.crashFor(downUs, "begun");
    });
  }

  /** A replica has given up, so the process ends (fail-stop). Only storage may bring that about: everything else is a bug. */
  onReplicaFailed(replica: Member, error: AnnalsError): void {
    const { journal, scheduler } = this.#world;
    journal.note("failStop", this.id, replica.log, error.code.length, () => error.message);
    const life = this.#life;
    if (error.code === "ERR_ENTRY_DAMAGED" && this.#mayMeetDamage(replica)) {
      this.onDamageMet(replica);
      return;
    }
    if (error.code !== "ERR_STORAGE_FAILED" || !replica.storageFailed)
      this.#world.report("no broken replica", `n${this.id}: ${error.code} ${error.message}`);
    scheduler.after(this.#random.below(20_000), () => {
      if (life === this.#life) this.crashFor(this.#random.below(2_000_000), "begun");
    });
  }

  freezeFor(frozenUs: number): void {
    if (!this.#up || this.#held !== undefined) return;
    const life = this.#life;
    this.#held = [];
    this.#world.scheduler.after(frozenUs, () => {
      if (life === this.#life) this.thaw();
    });
  }

  thaw(): void {
    const held = this.#held ?? [];
    if (this.#held !== undefined) this.#heldUntil(this.#world.scheduler.nowUs);
    this.#held = undefined;
    for (const action of held) this.#world.scheduler.after(0, action);
  }

  #heldUntil(timeUs: number): void {
    this.#lastHeldUs = Math.max(this.#lastHeldUs, timeUs);
  }

  /** The next tick comes late: something held the thread up. */
  delayTick(byUs: number): void {
    this.#lateTickUs = byUs;
  }

  slowFlushes(factor: number): void {
    this.#slowFlushes = factor;
  }

  stallDisk(forUs: number): void {
    this.#stalledUntilUs = this.#world.scheduler.nowUs + forUs;
  }

  fillDisk(forUs: number): void {
    this.#fullUntilUs = this.#world.scheduler.nowUs + forUs;
  }

  failNextFlush(): void {
    this.#failingFlushes = 1;
  }

  takeFailingFlush(): boolean {
    if (this.#failingFlushes === 0) return false;
    this.#failingFlushes--;
    return true;
  }

  /** Some of the next reads bring the bytes of another entry. */
  misread(random: Random): void {
    this.#misreads = true;
    random.pick(this.replicas).disk.misreadNext(random.between(1, 3));
  }

  /** FAULT: its disks are empty, and it goes on as if they always were. */
  blank(): void {
    this.crash("begun");
    for (const replica of this.replicas) replica.blank();
  }

  /** Its disks are gone, or it is taken for lost; another machine takes its place. */
  replace(): void {
    this.crash("begun");
    this.#replaced = true;
  }

  /** The others have committed something else than what its disks had: it comes back as another machine, with empty ones. */
  giveUp(): void {
    const successor = this.#world.succeed(this);
    this.#world.scheduler.after(this.#random.below(2_000_000), () => successor.start());
  }

  /** The machine is fetched from the attic and runs with the disks as they were, for a while. */
  returnFor(upUs: number): void {
    if (!this.#replaced) return;
    this.#replaced = false;
    this.start();
    this.#world.scheduler.after(upUs, () => this.replace());
  }

  /** Gone for good. */
  retire(): void {
    this.crash("begun");
    this.#dead = true;
  }

  /** Nothing is wrong with this machine any more. */
  heal(): void {
    this.thaw();
    this.clock.set();
    this.#slowFlushes = 1;
    this.#lateTickUs = 0;
    this.#stalledUntilUs = 0;
    this.#fullUntilUs = 0;
    this.#failingFlushes = 0;
  }

  drawFlush(): { readonly afterUs: number } {
    const { nowUs } = this.#world.scheduler;
    const { least, mean } = this.#world.plan.flushUs;
    const takesUs = (least + this.#random.exponential(mean)) * this.#slowFlushes;
    return { afterUs: Math.max(0, this.#stalledUntilUs - nowUs) + takesUs };
  }

  #tickLater(life: number, lastUs: number): void {
    const { scheduler, plan, journal } = this.#world;
    const tickUs = plan.config.tickMs * 1000;
    const lateUs = this.#lateTickUs;
    this.#lateTickUs = 0;
    if (lateUs > 0) this.#heldUntil(scheduler.nowUs + tickUs + lateUs);
    scheduler.after(tickUs + lateUs, () => {
      this.run(life, () => {
        const { nowUs } = scheduler;
        const elapsed = Math.max(1, Math.floor((nowUs - lastUs) / tickUs));
        journal.note("tick", this.id, 0, elapsed);
        for (const { replica } of this.replicas) replica?.tick(elapsed);
        this.clock.tick(nowUs);
        this.#ticks++;
        if (this.#ticks % RECONCILE_TICKS === 0) reconcile(this, this.#world);
        if (this.#ticks % SCRUB_TICKS === 0) this.scrub();
        this.#tickLater(life, nowUs);
      });
    });
  }
}
