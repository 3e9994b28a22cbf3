import { SimulatedDisk } from "@annals/kit";
import type { CycleStep, Damage, DiskImage, Random, StoredSlot } from "@annals/kit";
import type { LogIndex, MembershipState } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import type { Mutant } from "../world/mutant.ts";
import type { Chance, Time } from "../world/surroundings.ts";

/** FAULT MODULE: bugs in what is made of a disk after a crash or damage. */
export const RECOVERY_MUTANTS: readonly Mutant[] = [
  {
    name: "torn-tail-taken",
    bug: "entries of a cycle that was cut off before its meta page are taken for good, the last one half written",
    makeDisk: (membership) => new TornTailDisk(membership),
  },
  {
    name: "old-owner-still-writes",
    bug: "the write that was in the air when its worker died lands on the disk after another one has opened it",
    makeDisk: (membership, world) => new TwiceOwnedDisk(membership, world),
  },
  {
    name: "misdirected-entry-served",
    bug: "what the disk brings is not checked against the index that was asked for",
    makeDisk: (membership) => new TrustingDisk(membership),
  },
  {
    name: "repair-page-trusted",
    bug: "a repair takes what it is answered first, without looking whether the chain goes on",
    trustsPages: true,
  },
  {
    name: "one-witness-believed",
    bug: "a repair gives the disk up when one peer says that it has committed other entries",
    believesOnePeer: true,
  },
];

class TornTailDisk extends SimulatedDisk {
  protected override recover(image: DiskImage, { stored }: DiskImage): DiskImage {
    const torn: StoredSlot[] = [];
    for (let index = image.stored.count + 1; index <= stored.count; index++) {
      const slot = stored.at(index);
      if (slot !== undefined) torn.push(slot);
    }
    const last = torn.pop();
    if (last === undefined) return image;
    const data = new Uint8Array(last.entry.data);
    data.fill(0, Math.floor(data.length / 2));
    torn.push({ ...last, entry: { ...last.entry, data } });
    return { ...image, stored: image.stored.with(torn) };
  }
}

class TwiceOwnedDisk extends SimulatedDisk {
  readonly #world: Chance & Time;
  readonly #random: Random;

  constructor(membership: MembershipState, world: Chance & Time) {
    super(membership);
    this.#world = world;
    this.#random = world.random(9002);
  }

  override cutOff(_step: CycleStep, _cycle: WriteCycle, next: DiskImage): void {
    this.#world.scheduler.after(this.#random.below(500_000), () => this.persist(next));
  }
}

class TrustingDisk extends SimulatedDisk {
  protected override check(
    image: DiskImage,
    index: number,
    damage: Damage,
  ): ReturnType<SimulatedDisk["check"]> {
    const other = image.stored.at(1 + (index % image.stored.count));
    if (damage !== "misplaced" || other === undefined) return super.check(image, index, damage);
    const { entry, hash } = other;
    return { entry: { ...entry, index: index as LogIndex }, hash, previousHash: hash };
  }
}
