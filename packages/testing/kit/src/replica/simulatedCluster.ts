import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { MemberId, MembershipState, Message, Trace, Term } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import { clockSample, Replica, REPLICA_DEFAULTS, StampClock } from "@annals/replica";
import type {
  AppendResult,
  Clock,
  Divergence,
  Histories,
  Receipt,
  ReplicaConfig,
} from "@annals/replica";
import { seededRandom } from "../storage/randomCycles.ts";
import { SimulatedDisk } from "../storage/simulatedDisk.ts";
import type { SimulatedLogStore } from "../storage/simulatedLogStore.ts";

/** One member of a simulated cluster: a disk that survives crashes, and the replica that runs on it while it is up. */
export interface SimulatedMember {
  readonly id: MemberId;
  readonly disk: SimulatedDisk;
  store: SimulatedLogStore;
  replica: Replica;
  stamps: StampClock;
  up: boolean;
  failed: AnnalsError | undefined;
  readonly commands: { readonly index: number; readonly data: Uint8Array }[];
  readonly traces: Trace[];
  /** Digests of the blobs that are durable here; the test adds them. */
  readonly blobs: Set<string>;
  /** What the replica has asked for, in order, with repeats. */
  readonly wanted: { readonly digest: string; readonly from: MemberId }[];
  /** Terms in which this member leads and has said that it takes requests. */
  readonly leaderships: Term[];
  /** Messages of peers that cannot be right. */
  readonly refusals: { readonly from: MemberId; readonly reason: string }[];
}

export interface SimulatedClusterOptions {
  readonly members?: number;
  readonly seed?: number;
  readonly config?: Partial<ReplicaConfig>;
  /** Flushes complete by themselves; otherwise the test completes them one by one. */
  readonly autoFlush?: boolean;
  /** How the accounting of a delivered frame is told. Default: not at all. */
  readonly receiptOf?: (to: MemberId, messages: readonly Message[]) => Receipt;
}

/** Milliseconds since 1970 at which every cluster begins. */
const EPOCH_MS = 1_700_000_000_000;
const MAX_SKEW_MS = 5000;

interface Flight {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly messages: readonly Message[];
}

/** Enough event-loop turns for anything that is going to settle by itself. */
const MICROTASKS_PER_ROUND = 20;
const ROUNDS_MAX = 10_000;

/** Real replicas of one log in one thread, on a clock, a network and disks that the test moves by hand. */
export class SimulatedCluster {
  readonly members: readonly SimulatedMember[];
  readonly #config: ReplicaConfig;
  readonly #autoFlush: boolean;
  readonly #receiptOf: (to: MemberId, messages: readonly Message[]) => Receipt;
  readonly #random: (n: number) => number;
  #deferred: (() => void)[] = [];
  #network: Flight[] = [];
  #cut = new Set<string>();
  #nowMs = 0;
  /** How far the wall clock of a member is ahead of the true time. */
  readonly skewsMs: Map<number, number> = new Map();

  /** Nobody answers questions about its history. */
  unreachableForQuestions = false;
  /** What members have saved of histories that differ; outlives their processes. */
  readonly divergences: Map<MemberId, Divergence> = new Map();

  constructor(options: SimulatedClusterOptions = {}) {
    const { members = 3, seed = 1, config = {}, autoFlush = true } = options;
    this.#config = { ...REPLICA_DEFAULTS, ...config };
    this.#autoFlush = autoFlush;
    this.#receiptOf = options.receiptOf ?? (() => NO_RECEIPT);
    const random = seededRandom(seed);
    this.#random = (n) => random(n);
    const voters = Array.from({ length: members }, (_, index) => asMemberId(index + 1));
    const membership: MembershipState = {
      voters,
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    };
    this.members = voters.map((id) => this.#boot(id, new SimulatedDisk(membership), new Set()));
  }

  member(id: number): SimulatedMember {
    const member = this.members[id - 1];
    if (member === undefined) throw new RangeError(`no member ${id}`);
    return member;
  }

  get leader(): SimulatedMember | undefined {
    return this.members
      .filter((member) => member.up && member.replica.role === "leader")
      .toSorted((a, b) => b.replica.status().raft.term - a.replica.status().raft.term)[0];
  }

  /** Runs turns and delivers messages until nothing moves without time passing. */
  async settle(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (let task = 0; task < MICROTASKS_PER_ROUND; task++) await Promise.resolve();
      if (this.#deferred.length === 0 && this.#network.length === 0) return;
      for (const turn of this.#deferred.splice(0)) turn();
      for (const flight of this.#network.splice(0)) this.#deliver(flight);
    }
    throw new Error("the cluster does not come to rest");
  }

  /** The true time, in ms since 1970. */
  get trueTime(): number {
    return EPOCH_MS + this.#nowMs;
  }

  /** Lets ticks pass, everybody at once, settling after each. */
  async ticks(count: number): Promise<void> {
    for (let tick = 0; tick < count; tick++) {
      this.#nowMs += this.#config.tickMs;
      this.#compareClocks();
      for (const member of this.members) if (member.up) member.replica.tick(1);
      await this.settle();
    }
  }

  /** Ticks until somebody leads and takes appends. */
  async elect(): Promise<SimulatedMember> {
    for (let tick = 0; tick < 200; tick++) {
      const { leader } = this;
      if (leader !== undefined && leader.replica.status().raft.applied > 0) return leader;
      await this.ticks(1);
    }
    throw new Error("no leader within 200 ticks");
  }

  /** Loses everything between two members, both ways, from now on. */
  cut(a: number, b: number): void {
    this.#cut.add(`${a}-${b}`).add(`${b}-${a}`);
  }

  isolate(id: number): void {
    for (const other of this.members) if (other.id !== id) this.cut(id, other.id);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** The process of a member dies; what was not flushed is gone. */
  crash(id: number): void {
    const member = this.member(id);
    member.up = false;
    member.store.crash();
  }

  restart(id: number): void {
    const { disk, blobs } = this.member(id);
    Object.assign(this.member(id), this.#boot(asMemberId(id), disk, blobs));
  }

  /** Appends through the current leader. */
  append(
    records: readonly Uint8Array[],
    stamp?: { readonly id: string; readonly epoch: number; readonly sequence: number },
  ): Promise<AppendResult> {
    const { leader } = this;
    if (leader === undefined) throw new Error("no leader");
    return leader.replica.append({ records, stamp, timeoutMs: 60_000 });
  }

  #wallTime(id: number): number {
    return this.trueTime + (this.skewsMs.get(id) ?? 0);
  }

  /** All ask each other what time it is, as far as they reach each other. */
  #compareClocks(): void {
    for (const asker of this.members) {
      for (const { id, up } of this.members) {
        if (!up || id === asker.id || this.#cut.has(`${asker.id}-${id}`)) continue;
        const wallTime = this.#wallTime(id);
        asker.stamps.heard(`n${id}`, clockSample(this.#nowMs, wallTime, this.#nowMs));
      }
    }
  }

  #boot(id: MemberId, disk: SimulatedDisk, blobs: Set<string>): SimulatedMember {
    const { membership } = disk.image;
    const store = disk.open({ autoComplete: this.#autoFlush });
    const commands: SimulatedMember["commands"] = [];
    const traces: Trace[] = [];
    const leaderships: Term[] = [];
    const wanted: SimulatedMember["wanted"] = [];
    const refusals: SimulatedMember["refusals"] = [];
    const clock: Clock = {
      now: () => this.#nowMs,
      wallTime: () => this.#wallTime(id),
      defer: (turn) => void this.#deferred.push(turn),
    };
    const hasPeers = membership.voters.length > 1;
    const stamps = new StampClock({ clock, maxSkewMs: MAX_SKEW_MS, hasPeers });
    const transport = {
      send: (to: MemberId, messages: readonly Message[]) => {
        this.#network.push({ from: id, to, messages });
      },
    };
    const replica = new Replica({
      self: id,
      config: this.#config,
      store,
      blobs: {
        missing: (digests) => digests.filter((digest) => !blobs.has(digest)),
        want: (digests, from) => {
          for (const digest of digests) wanted.push({ digest, from });
        },
      },
      transport,
      histories: this.#historiesOf(id),
      clock,
      stamps,
      nodeOf: (member) => `n${member}`,
      randomBelow: this.#random,
      events: {
        onRole: () => {},
        onTakesRequests: (term) => void leaderships.push(term),
        onCommand: (index, data) => void commands.push({ index, data }),
        onTrace: (trace) => void traces.push(trace),
        onRefused: (from, { reason }) => void refusals.push({ from, reason }),
        onFailed: (error) => {
          this.member(id).failed = error;
        },
      },
    });
    const failed = undefined;
    return {
      id,
      disk,
      store,
      replica,
      stamps,
      up: true,
      failed,
      commands,
      traces,
      leaderships,
      blobs,
      wanted,
      refusals,
    };
  }

  /** Members answer at once, from their stores; a member that is down or cut off does not. */
  #historiesOf(id: MemberId): Histories {
    return {
      known: this.divergences.get(id),
      confirm: (to, index) => {
        const other = this.members.find((member) => member.id === to);
        const stored = other?.up === true ? other.store.storedEntry(index) : undefined;
        if (this.unreachableForQuestions) return Promise.resolve("unavailable");
        if (other === undefined || stored === undefined || this.#cut.has(`${id}-${to}`))
          return Promise.resolve("unavailable");
        const { role, term, commitIndex } = other.replica.status().raft;
        const previousHash = other.store.hashAt(asIndex(index - 1));
        const leads = role === "leader" ? term : asTerm(0);
        return Promise.resolve({ previousHash, entry: stored.entry, commitIndex, leads });
      },
      save: (divergence) => {
        this.divergences.set(id, divergence);
        return Promise.resolve();
      },
    };
  }

  #deliver({ from, to, messages }: Flight): void {
    const target = this.member(to);
    if (!target.up || this.#cut.has(`${from}-${to}`)) return;
    target.replica.receive(messages, this.#receiptOf(to, messages));
  }
}

const NO_RECEIPT: Receipt = { stepped: () => {}, durable: () => {} };
