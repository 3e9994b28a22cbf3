import type { CycleStep, Random, SimulatedDisk } from "@annals/kit";
import type { Observed } from "@annals/check";
import type { LogIndex, MemberId, MembershipState, Message, RaftStatus } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import type { BlobHolder, RepairPage, Replica, StampClock, StoredEntry } from "@annals/replica";
import type { DiskPast } from "./diskPast.ts";
import type { Roster } from "./roster.ts";
import type { Verdict } from "./verdict.ts";

/** The blobs on the disk of a member. */
export interface MemberBlobs extends BlobHolder {
  has(digest: string): boolean;
  /** A client brings a blob; `done` says whether it is on disk now. */
  upload(digest: string, done: (saved: boolean) => void): void;
  /** The disk is a new one. */
  blank(): void;
}

/** Marks of a history that contradicts its own, and the decision that ends that. */
export interface MemberHistories {
  readonly verdict: Verdict;
  /** An operator has decided: `kept` is the member for whose copy this one was emptied. */
  resolve(kept: MemberId | undefined): void;
  /** FAULT: the disk is taken back to before anything was said. */
  forget(): void;
}

/** The replica of one log on one machine, as everything around it sees it. */
export interface Member extends Observed {
  readonly id: MemberId;
  readonly host: Host;
  /** The configuration that its log was born with. */
  readonly born: MembershipState;
  readonly disk: SimulatedDisk;
  readonly past: DiskPast;
  readonly blobs: MemberBlobs;
  readonly histories: MemberHistories;
  /** Counts its starts. */
  readonly life: number;
  readonly up: boolean;
  readonly repairing: boolean;
  /** The worker thread that owns it. */
  readonly worker: number;
  /** The production code; undefined while it is down. */
  readonly replica: Replica | undefined;
  /** Undefined when it is down or at its end. */
  readonly raft: RaftStatus | undefined;
  readonly closing: boolean;
  /** The reason why it gave up in its present life. */
  readonly failure: AnnalsError | undefined;
  start(): void;
  /** The orderly end. */
  stop(): Promise<void>;
  crash(step: CycleStep): void;
  /** Gets the damaged entries of its disk back from peers. */
  mend(): void;
  blank(): void;
  /** FAULT: its disk is as it was at that time; only while it is down. */
  putBack(atUs: number): void;
  /** Runs an event of a life of it: never, if that is over; later, if its process stands still. */
  run(life: number, action: () => void): void;
  /** A frame arrives. */
  receive(messages: readonly Message[]): void;
  /** Entries for a peer in repair; undefined when there is nobody to ask. */
  repairPage(from: LogIndex, to: LogIndex): RepairPage | undefined;
  /** The entry that holds this seq; undefined if the store finds it damaged. */
  readSeq(seq: number): StoredEntry | undefined;
}

/** The wall clock of a machine, and the stamps that the process on it makes from it. */
export interface MachineClock {
  readonly random: Random;
  readonly right: boolean;
  /** The clock is right, and nobody remembers that it ever was not. */
  readonly trusted: boolean;
  readonly stamps: StampClock;
  wallTime(): number;
  /** FAULT: it goes wrong for a while. */
  disturb(random: Random, forUs: number): void;
}

/** One process on one machine, with a replica of every log, as everything around it sees it. */
export interface Host {
  /** Also its member id in every log. */
  readonly id: number;
  /** Place in the cluster, which another machine takes when this one has lost its disks. */
  readonly place: number;
  readonly replicas: readonly Member[];
  readonly clock: MachineClock;
  /** The members of the cluster, as far as this machine has heard. */
  readonly roster: Roster;
  /** Counts the starts of the process; callbacks of an earlier life do nothing. */
  readonly life: number;
  readonly up: boolean;
  readonly frozen: boolean;
  /** The time when the process last stood still for a while. */
  readonly lastHeldUs: number;
  /** Down for good. */
  readonly dead: boolean;
  /** Another machine has its place. */
  readonly replaced: boolean;
  /** Down for good, by what anybody can tell. */
  readonly lost: boolean;
  readonly damaged: boolean;
  /** Promises of its disks may be among what is damaged. */
  readonly uncertain: boolean;
  readonly diskFull: boolean;
  start(): void;
  /** Runs an event of a life of the process: never, if that is over; later, if it stands still. */
  run(life: number, action: () => void): void;
  /** Reads everything that its disks hold, and finds what is damaged. */
  scrub(): void;
  /** A replica that was closed is opened again, after a while. */
  reopen(replica: Member, afterUs: number): void;
  forgetRoster(): void;
  onDamageMet(replica: Member): void;
  onMended(replica: Member): void;
  onReplicaFailed(replica: Member, error: AnnalsError): void;
  /** The disks lack what the others have committed: another machine takes its place. */
  giveUp(): void;
  drawFlush(): { readonly afterUs: number };
  takeFailingFlush(): boolean;
  crash(step: CycleStep): void;
  crashFor(downUs: number, step: CycleStep): void;
  crashWorker(worker: number, step: CycleStep): void;
  stopFor(downUs: number): void;
  freezeFor(frozenUs: number): void;
  delayTick(byUs: number): void;
  slowFlushes(factor: number): void;
  stallDisk(forUs: number): void;
  fillDisk(forUs: number): void;
  failNextFlush(): void;
  misread(random: Random): void;
  blank(): void;
  /** The machine comes from the attic and runs with the disks as they were, for a while. */
  returnFor(upUs: number): void;
}

/** The machines of the cluster, and the members that it is to have. */
export interface Machines {
  /** Every machine that there ever was, by its number: a wiped one is followed by another. */
  readonly nodes: readonly Host[];
  /** The newest machine of each place. */
  readonly inService: readonly Host[];
  /** Members that are to leave, or have left. */
  readonly leaving: ReadonlySet<number>;
  /** The voters of every log once all that was asked for is done, ascending. */
  wanted(): readonly MemberId[];
  replica(log: number, node: number): Member;
}

/** Takes machines away and puts others in their place. */
export interface Succession {
  readonly leaving: Set<number>;
  newestAt(place: number): Host | undefined;
  /** Puts a machine with empty disks, switched off yet, at this place. */
  addMachine(place: number): Host;
  /** Puts one with empty disks, switched off yet, in the place of a machine that lost its own. */
  succeed(node: Host): Host;
  /** Takes a machine away that was never switched on. */
  giveUp(node: Host): void;
}
