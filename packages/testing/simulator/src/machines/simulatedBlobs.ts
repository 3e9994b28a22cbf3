import type { MemberId } from "@annals/raft";
import type { Random } from "@annals/kit";
import type { Log } from "../world/log.ts";
import type { Member, MemberBlobs } from "../world/machine.ts";

/**
 * The blobs of one replica. What is saved survives everything but the loss of the disk; what is on its way dies with the process, comes
 * late, or never comes: then whoever wants it asks again.
 */
export class SimulatedBlobs implements MemberBlobs {
  readonly #replica: Member;
  readonly #under: Pick<Log, "world">;
  readonly #random: Random;
  readonly #saved = new Set<string>();
  /** On their way to this disk, in the present life. */
  readonly #coming = new Set<string>();

  constructor(replica: Member, under: Pick<Log, "world">) {
    this.#replica = replica;
    this.#under = under;
    this.#random = under.world.random(40_000 + 100 * replica.node + replica.log);
  }

  has(digest: string): boolean {
    return this.#saved.has(digest);
  }

  missing(digests: readonly string[]): readonly string[] {
    return digests.filter((digest) => !this.#saved.has(digest));
  }

  want(digests: readonly string[], from: MemberId): void {
    const { world } = this.#under;
    const source = world.replica(this.#replica.log, from);
    for (const digest of digests) {
      if (this.#coming.has(digest) || !source.up || !source.blobs.has(digest)) continue;
      this.#come(digest, () => world.network.connects(source.node, this.#replica.node));
    }
  }

  /** A client brings a blob; `done` says whether it is on disk now. Never called when the process dies meanwhile. */
  upload(digest: string, done: (saved: boolean) => void): void {
    this.#under.world.journal.note("upload", this.#replica.node, this.#replica.log, 0);
    this.#come(digest, () => true, done);
  }

  /** The process has died: what had not been saved is gone. */
  crash(): void {
    this.#coming.clear();
    if (this.#under.world.mutant?.savesBlobsLate !== true) return;
    const newest = [...this.#saved].at(-1);
    if (newest !== undefined) this.#saved.delete(newest);
  }

  /** The disk is a new one. */
  blank(): void {
    this.#saved.clear();
    this.#coming.clear();
  }

  #come(digest: string, arrives: () => boolean, done?: (saved: boolean) => void): void {
    const { scheduler, journal, plan } = this.#under.world;
    const { node, log } = this.#replica;
    const { life } = this.#replica;
    const electionUs = plan.config.tickMs * plan.config.electionTicks * 1000;
    let afterUs = 1 + this.#random.exponential(plan.blobs.meanUs);
    if (this.#strikes("blobLate")) {
      journal.note("blobLate", node, log, 0);
      afterUs += this.#random.below(6 * electionUs);
    }
    const lost = this.#strikes("blobLost");
    if (lost) journal.note("blobLost", node, log, 0);
    this.#coming.add(digest);
    scheduler.after(afterUs, () =>
      this.#replica.run(life, () => {
        this.#coming.delete(digest);
        const saved = !lost && arrives() && !this.#replica.host.diskFull;
        if (saved) this.#saved.add(digest);
        if (saved) journal.note("blobSaved", node, log, this.#saved.size);
        done?.(saved);
      }),
    );
  }

  #strikes(fault: "blobLate" | "blobLost"): boolean {
    return this.#random.chance(this.#under.world.network.chanceOf(fault));
  }
}
