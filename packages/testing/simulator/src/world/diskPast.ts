import type { DiskImage, SimulatedDisk } from "@annals/kit";

/** Flushes of one disk that it can be taken back behind. */
const EARLIER_MAX = 500;

/** What a disk held for a while. */
interface EarlierImage {
  /** When the next flush replaced it. */
  readonly untilUs: number;
  readonly image: DiskImage;
}

/** What a disk has held, for as long as it may be taken back to it. */
export class DiskPast {
  readonly #disk: SimulatedDisk;
  readonly #earlier: EarlierImage[] = [];
  #before: DiskImage | undefined;

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  get earlier(): readonly EarlierImage[] {
    return this.#earlier;
  }

  /** A flush is about to replace what the disk holds. */
  keep(untilUs: number): void {
    this.#earlier.push({ untilUs, image: this.#disk.image });
    if (this.#earlier.length > EARLIER_MAX) this.#earlier.shift();
  }

  /** FAULT: the disk is as it was at that time; false when nothing is known of it. */
  putBack(atUs: number): boolean {
    const image = this.#earlier.find(({ untilUs }) => untilUs >= atUs)?.image;
    if (image === undefined) return false;
    this.#before = this.#disk.image;
    this.#disk.putBack(image);
    return true;
  }

  /** The disk was taken back, and its log has not come as far again. */
  get behind(): boolean {
    if (this.#before !== undefined && !isBehind(this.#disk.image, this.#before))
      this.#before = undefined;
    return this.#before !== undefined;
  }

  /** What the disk holds and, while it is behind, what it held. */
  get held(): readonly DiskImage[] {
    const { image } = this.#disk;
    return this.behind && this.#before !== undefined ? [image, this.#before] : [image];
  }
}

function isBehind(now: DiskImage, before: DiskImage): boolean {
  const { term = 0, index = 0 } = now.stored.last?.entry ?? {};
  const { term: lastTerm = 0, index: lastIndex = 0 } = before.stored.last?.entry ?? {};
  if (term < lastTerm || (term === lastTerm && index < lastIndex)) return true;
  const { hardState } = before;
  if (now.hardState.term !== hardState.term) return now.hardState.term < hardState.term;
  return now.hardState.votedFor !== hardState.votedFor;
}
