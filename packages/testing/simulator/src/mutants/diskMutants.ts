import { blankImage, Random, SimulatedDisk } from "@annals/kit";
import type { DiskImage, OpenOptions, SimulatedLogStore } from "@annals/kit";
import { asIndex } from "@annals/raft";
import type { MembershipState } from "@annals/raft";
import { asSeq } from "@annals/record";
import type { Seq } from "@annals/record";
import type { LogStore, WriteCycle } from "@annals/replica";
import type { Mutant } from "../world/mutant.ts";
import type { Member } from "../world/machine.ts";
import type { Chance, Time } from "../world/surroundings.ts";

/** FAULT MODULE: bugs of the disk and of what is written to it. */
export const DISK_MUTANTS: readonly Mutant[] = [
  {
    name: "ack-before-flush",
    bug: "a write is reported as done 20 ms before it is on disk",
    makeDisk: (membership, world) => new LateDisk(membership, world, 20_000, 1),
  },
  {
    name: "forgotten-fsync",
    bug: "one write of a hundred reaches the disk only with the next one",
    makeDisk: (membership, world) => new LateDisk(membership, world, Infinity, 0.01),
  },
  {
    name: "old-disk-restored",
    bug: "some starts find the disk as it was some writes ago",
    makeDisk: (membership, world) => new RewoundDisk(membership, world, 20),
  },
  {
    name: "wiped-node-votes",
    bug: "some starts find an empty disk, and the member goes on as the same voter",
    makeDisk: (membership, world) => new RewoundDisk(membership, world, Infinity),
  },
  {
    name: "wiped-keeps-its-id",
    bug: "a node that lost its disks goes on under its old member id",
    wipedKeepsId: true,
  },
  {
    name: "truncation-lost",
    bug: "what a write cuts off the end of the log is still there after a restart",
    makeDisk: (membership) => new UntruncatedDisk(membership),
  },
  {
    name: "vote-not-persisted",
    bug: "the vote is not part of the hard state on disk",
    wrapStore: changingCycles((cycle) =>
      cycle.hardState === undefined
        ? cycle
        : { ...cycle, hardState: { ...cycle.hardState, votedFor: 0 as never } },
    ),
  },
  {
    name: "term-not-persisted",
    bug: "the term on disk stays what it was",
    wrapStore: changingCycles((cycle, { durable }) =>
      cycle.hardState === undefined
        ? cycle
        : { ...cycle, hardState: { ...cycle.hardState, term: durable.hardState.term } },
    ),
  },
  {
    name: "producers-not-persisted",
    bug: "the applied index is stored without the producers that it stands for",
    wrapStore: changingCycles((cycle) =>
      cycle.applied === undefined
        ? cycle
        : { ...cycle, applied: { ...cycle.applied, producers: new Map() } },
    ),
  },
  {
    name: "groups-not-persisted",
    bug: "the applied index is stored without the groups that it stands for",
    wrapStore: changingCycles((cycle) =>
      cycle.applied === undefined
        ? cycle
        : { ...cycle, applied: { ...cycle.applied, groups: new Map() } },
    ),
  },
  {
    name: "applied-index-ahead",
    bug: "the applied index on disk is the commit index: what lies between is never applied",
    wrapStore: changingCycles((cycle, { view }) =>
      cycle.applied === undefined
        ? cycle
        : {
            ...cycle,
            applied: {
              ...cycle.applied,
              appliedIndex: asIndex((cycle.hardState ?? view.hardState).commitIndex),
            },
          },
    ),
  },
  {
    name: "tail-skips-a-seq",
    bug: "the last record of a batch is looked for in the next one",
    wrapStore: (store) =>
      replacing(store, "indexOfSeq", (seq: Seq) => {
        const index = store.indexOfSeq(seq);
        const next = store.indexOfSeq(asSeq(seq + 1));
        return next !== undefined && next !== index ? next : index;
      }),
  },
  {
    name: "full-disk-ignored",
    bug: "a write that the full disk refused counts as done",
    wrapStore: (store) =>
      withWrite(store, (cycle) =>
        store.write(cycle).catch((error: { code: string }) => {
          if (error.code !== "ERR_DISK_FULL") throw error;
        }),
      ),
  },
];

/** Reports flushes that have not happened: part of them comes late, or only with a later one. A crash loses them. */
class LateDisk extends SimulatedDisk {
  readonly #world: Chance & Time;
  readonly #random: Random;
  readonly #lateUs: number;
  readonly #chance: number;
  #opened = 0;

  constructor(membership: MembershipState, world: Chance & Time, lateUs: number, chance: number) {
    super(membership);
    this.#world = world;
    this.#random = world.random(9000);
    this.#lateUs = lateUs;
    this.#chance = chance;
  }

  override open(options: OpenOptions = {}): SimulatedLogStore {
    this.#opened++;
    return super.open(options);
  }

  protected override persist(image: DiskImage): void {
    if (!this.#random.chance(this.#chance)) {
      super.persist(image);
      return;
    }
    if (!Number.isFinite(this.#lateUs)) return;
    const opened = this.#opened;
    this.#world.scheduler.after(this.#lateUs, () => {
      if (opened === this.#opened) super.persist(image);
    });
  }
}

/** Goes back in time in one start of three. */
class RewoundDisk extends SimulatedDisk {
  readonly #membership: MembershipState;
  readonly #random: Random;
  readonly #writes: number;
  #history: DiskImage[] = [];

  constructor(membership: MembershipState, world: Chance & Time, writes: number) {
    super(membership);
    this.#membership = membership;
    this.#random = world.random(9001);
    this.#writes = writes;
  }

  override open(options: OpenOptions = {}): SimulatedLogStore {
    if (this.#history.length > 0 && this.#random.chance(0.3)) {
      const blank = blankImage(this.#membership);
      this.restore(Number.isFinite(this.#writes) ? (this.#history[0] ?? blank) : blank);
    }
    return super.open(options);
  }

  protected override persist(image: DiskImage): void {
    this.#history = [...this.#history, image].slice(-Math.min(this.#writes, 100));
    super.persist(image);
  }
}

/** Writes new entries over old ones and leaves the rest of the old ones behind them. */
class UntruncatedDisk extends SimulatedDisk {
  protected override persist(image: DiskImage): void {
    const { stored } = this.image;
    const rest = [];
    for (let index = image.stored.count + 1; index <= stored.count; index++) {
      const slot = stored.at(index);
      if (slot !== undefined) rest.push(slot);
    }
    super.persist({ ...image, stored: image.stored.with(rest) });
  }
}

function changingCycles(
  change: (cycle: WriteCycle, replica: Member) => WriteCycle,
): (store: LogStore, replica: Member) => LogStore {
  return (store, replica) => withWrite(store, (cycle) => store.write(change(cycle, replica)));
}

function withWrite(store: LogStore, write: LogStore["write"]): LogStore {
  return replacing(store, "write", write);
}

/** The store with another method of this name. */
function replacing<Name extends keyof LogStore>(
  store: LogStore,
  name: Name,
  method: LogStore[Name],
): LogStore {
  return new Proxy(store, {
    get(target, key) {
      if (key === name) return method;
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
