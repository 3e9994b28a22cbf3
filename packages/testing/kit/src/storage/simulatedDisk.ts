import type { Entry, LogIndex, MembershipState } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import type { AnnalsError } from "@annals/record";
import { equalBytes, ZERO_HASH } from "@annals/record";
import { decodeStoredEntry, encodeStoredEntry, hashEntry, StorageError } from "@annals/storage";
import { isInForce } from "./cycleSteps.ts";
import type { CycleStep } from "./cycleSteps.ts";
import { blankImage } from "./diskImage.ts";
import type { Damage, DiskImage, StoredSlot } from "./diskImage.ts";
import { SimulatedLogStore } from "./simulatedLogStore.ts";
import type { OpenOptions } from "./simulatedLogStore.ts";

/** How far the real store lets the log run ahead of the sidecar. */
const LAG_ENTRIES_MAX = 512;

/** What the sidecar says that the log must at least hold. */
interface Attestation {
  readonly last: number;
  readonly hash: Uint8Array;
  readonly term: number;
  readonly votedFor: number;
}

/** The disk under one replica: what it holds survives every crash of the store above it. */
export class SimulatedDisk {
  #image: DiskImage;
  #attested: Attestation;
  #damaged: ReadonlyMap<number, Damage> = new Map();
  /** What a cycle had flushed when it was cut off before its meta page: not in force, and to be dropped. */
  #torn: DiskImage | undefined;
  #misreads = 0;
  #store: SimulatedLogStore | undefined;
  /** FAULT: while it is set the disk takes no writes, and says so. */
  refusal: AnnalsError | undefined;

  constructor(membership: MembershipState) {
    this.#image = blankImage(membership);
    this.#attested = attestationOf(this.#image, 0);
  }

  /** What would be found after a crash now. */
  get image(): DiskImage {
    return this.#image;
  }

  /** Opens a store; an older one on this disk is dead from now on. Throws `ERR_LOG_DAMAGED` for less than the sidecar vouches for. */
  open(options: OpenOptions = {}): SimulatedLogStore {
    this.#store?.crash();
    const torn = this.#torn;
    this.#torn = undefined;
    if (torn !== undefined) this.#image = this.recover(this.#image, torn);
    this.#assertAttested();
    const image = { ...this.#image, damaged: this.#damaged };
    this.#store = new SimulatedLogStore(image, this, options);
    return this.#store;
  }

  /** FAULT: somebody puts an earlier image of the whole disk back. Only while no store is open. */
  putBack(image: DiskImage): void {
    this.#torn = undefined;
    this.#damaged = new Map();
    this.restore(image);
  }

  /** Bit rot and the like: reading this entry fails from the next open on. */
  damageEntry(index: LogIndex, damage: Damage = "flipped"): void {
    this.#damaged = new Map([...this.#damaged, [index, damage]]);
  }

  /** By index: what has been damaged and not been mended. */
  get damaged(): ReadonlyMap<number, Damage> {
    return this.#damaged;
  }

  /** Whether entries are damaged that may have been promised to be kept, and of which it does not say that they are committed. */
  get uncertain(): boolean {
    const { commitIndex } = this.#image.hardState;
    return this.#damaged.size > 0 && Math.max(...this.#damaged.keys()) > commitIndex;
  }

  /** What was got back takes the place of what was damaged, all of it at once. Only while no store is open. */
  mend(entries: readonly Entry[]): void {
    const { stored } = this.#image;
    const mended = new Map<number, Entry>(entries.map((entry) => [entry.index, entry]));
    const first = Math.min(...mended.keys(), stored.count + 1);
    const slots: StoredSlot[] = [];
    for (let index = first; index <= stored.count; index++) {
      const former = stored.at(index);
      const entry = mended.get(index);
      if (former === undefined) continue;
      const before = (slots.at(-1) ?? stored.at(index - 1))?.hash ?? ZERO_HASH;
      slots.push(
        entry === undefined ? former : { ...former, entry, hash: hashEntry(before, entry) },
      );
    }
    this.#image = { ...this.#image, stored: stored.keep(first - 1).with(slots) };
    this.#damaged = new Map(
      [...this.#damaged].filter(([index]) => index <= stored.count && !mended.has(index)),
    );
  }

  /** The next so many reads of an entry bring the bytes of another one. The disk itself is well. */
  misreadNext(reads: number): void {
    this.#misreads = reads;
  }

  /** The cycle is flushed, its promise is about to resolve. */
  finish(cycle: WriteCycle, next: DiskImage): void {
    this.#mark(cycle);
    this.persist(next);
  }

  /** The process died when the cycle had come to `step`. */
  cutOff(step: CycleStep, cycle: WriteCycle, next: DiskImage): void {
    if (step !== "begun") this.#mark(cycle);
    if (step === "pages") this.#torn = next;
    if (!isInForce(step)) return;
    const { last, hash, term, votedFor } = this.#attested;
    this.persist(next);
    if (step === "meta") this.#attested = { last, hash, term, votedFor };
  }

  /** The bytes of an entry, as they come from the disk: decoded and checked as the real store does. Throws `ERR_ENTRY_DAMAGED`. */
  read(image: DiskImage, index: number): ReturnType<typeof decodeStoredEntry> | undefined {
    const damage = image.damaged.get(index);
    const misread = this.#misreads > 0 && image.stored.count > 1;
    if (damage === undefined && !misread) return undefined;
    if (damage === undefined) this.#misreads--;
    return this.check(image, index, damage ?? "misplaced");
  }

  protected check(
    image: DiskImage,
    index: number,
    damage: Damage,
  ): ReturnType<typeof decodeStoredEntry> {
    const bytes = damagedBytes(image, index, damage);
    if (bytes === undefined)
      throw new StorageError("ERR_ENTRY_DAMAGED", `entry ${index} is missing`);
    return decodeStoredEntry(index as LogIndex, bytes);
  }

  /** What a start makes of a disk on which a cycle was cut off behind its pages. */
  protected recover(image: DiskImage, _torn: DiskImage): DiskImage {
    return image;
  }

  /** A flush has brought the disk to this state. */
  protected persist(image: DiskImage): void {
    this.#forgetOverwritten(image);
    this.#image = image;
    const { term, votedFor } = image.hardState;
    const attested = this.#attested;
    const promised = attested.term === term && attested.votedFor === votedFor;
    if (!promised || image.stored.count >= attested.last + LAG_ENTRIES_MAX)
      this.#attested = attestationOf(image, image.stored.count);
  }

  /** Where other entries were written nothing is damaged any more. */
  #forgetOverwritten({ stored }: DiskImage): void {
    if (this.#damaged.size === 0) return;
    const former = this.#image.stored;
    const left = [...this.#damaged].filter(([index]) => stored.at(index) === former.at(index));
    if (left.length < this.#damaged.size) this.#damaged = new Map(left);
  }

  /** The whole disk is as it was, sidecar and all. */
  protected restore(image: DiskImage): void {
    this.#image = image;
    this.#attested = attestationOf(image, image.stored.count);
  }

  /** Before entries go, the sidecar stops vouching for them. */
  #mark({ entries }: WriteCycle): void {
    const first = entries[0]?.index;
    if (first !== undefined && first <= this.#attested.last)
      this.#attested = attestationOf(this.#image, first - 1);
  }

  #assertAttested(): void {
    const { last, hash, term, votedFor } = this.#attested;
    const { stored, hardState } = this.#image;
    const found = last === 0 ? ZERO_HASH : stored.at(last)?.hash;
    const older = hardState.term < term || (hardState.term === term && isOtherVote());
    if (found === undefined || !equalBytes(found, hash) || older)
      throw new StorageError("ERR_LOG_DAMAGED", `the sidecar vouches for ${last} in term ${term}`);

    function isOtherVote(): boolean {
      return votedFor !== 0 && hardState.votedFor !== votedFor;
    }
  }
}

function attestationOf({ stored, hardState }: DiskImage, last: number): Attestation {
  const { term, votedFor } = hardState;
  return { last, hash: stored.at(last)?.hash ?? ZERO_HASH, term, votedFor };
}

/** What is found where the entry should be; undefined for nothing at all. */
function damagedBytes(
  { stored }: DiskImage,
  index: number,
  damage: Damage,
): Uint8Array | undefined {
  const from = damage === "misplaced" ? 1 + (index % stored.count) : index;
  const slot = stored.at(from);
  if (slot === undefined || damage === "missing") return undefined;
  const previous = stored.at(from - 1)?.hash ?? ZERO_HASH;
  const bytes = encodeStoredEntry(slot.entry, previous, slot.hash);
  if (damage === "flipped") {
    const at = (index * 7919) % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (index % 8));
  }
  if (damage === "zeroed") bytes.fill(0, Math.floor(bytes.length / 2));
  return bytes;
}
