import { statfsSync } from "node:fs";
import { AnnouncedBytes } from "../blobs/announcedBytes.ts";
import type { Announcement } from "../blobs/announcedBytes.ts";
import { StorageError } from "../storageError.ts";

/** Free space that appends leave to elections, commits and repairs. */
export const MIN_FREE_BYTES: number = 64 * 1024 * 1024;

const CHECK_MS = 1000;
/** With less than this above the floor it asks each time: others write, too, and LMDB ends the process when a page finds no room. */
const NEAR_BYTES = 64 * 1024 * 1024;
/** What a transaction may write beside the data: pages of the trees and of the free list. */
const CYCLE_OVERHEAD_BYTES = 256 * 1024;

/**
 * Refuses writes while the disk still has room: a full disk would fail a commit half-way through the file, and copy-on-write needs
 * free pages even to delete. Asks the file system once a second while there is plenty of room, and counts down in between.
 */
export class DiskFloor {
  /** So much stays free. */
  readonly minFreeBytes: number;
  readonly #directory: string;
  readonly #announced: AnnouncedBytes;
  readonly #now: () => number;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #freeBytes = 0;

  constructor(
    directory: string,
    minFreeBytes: number,
    now: () => number = () => performance.now(),
    announced: AnnouncedBytes = new AnnouncedBytes(),
  ) {
    this.#announced = announced;
    this.#directory = directory;
    this.minFreeBytes = minFreeBytes;
    this.#now = now;
  }

  /** Takes `bytes` of payload from what is free, or throws `ERR_DISK_FULL` if less than `reserve` would be left. */
  take(bytes: number, reserve: number = this.minFreeBytes): void {
    const needed = bytes + CYCLE_OVERHEAD_BYTES;
    this.assertRoom(needed, reserve);
    this.#freeBytes -= needed;
  }

  /**
   * Keeps room for `bytes` that come bit by bit, beside all that is announced, until the announcement ends. Throws `ERR_DISK_FULL` if less
   * than the floor would be left.
   */
  announce(bytes: number): Announcement {
    // What is announced and what is free change at different times, so that only a fresh look fits.
    this.#checkedAt = Number.NEGATIVE_INFINITY;
    this.assertRoom(bytes + CYCLE_OVERHEAD_BYTES);
    return this.#announced.announce(bytes);
  }

  /** Throws `ERR_DISK_FULL` unless so many bytes could be taken now, all in all. */
  assertRoom(needed: number, reserve: number = this.minFreeBytes): void {
    const announced = this.#announced.bytes;
    const near = this.#freeBytes - announced - needed < reserve + NEAR_BYTES;
    if (near || this.#now() - this.#checkedAt >= CHECK_MS) {
      const { bavail, bsize } = statfsSync(this.#directory);
      this.#freeBytes = bavail * bsize;
      this.#checkedAt = this.#now();
    }
    if (this.#freeBytes - announced - needed < reserve) {
      const promised = announced === 0 ? "" : `${announced} are promised to blobs on their way, `;
      throw new StorageError(
        "ERR_DISK_FULL",
        `${this.#freeBytes} bytes are free below ${this.#directory}, of which ${reserve} stay free, ` +
          `${promised}and ${needed} are needed; free some space`,
        {
          retryable: true,
          details: { freeBytes: this.#freeBytes, minFreeBytes: reserve },
        },
      );
    }
  }
}
