import type { Entry } from "@annals/raft";
import { batchBlobs } from "@annals/record";
import type { WriteCycle } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/**
 * Whoever has an entry on its disk has the blobs that its records name there, too (packages/node/replica/SPEC.md, L26). With the durability
 * ledger: whatever is acknowledged is on a quorum of disks, attachments included.
 */
export class BlobsPrecede implements Checker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  writing(replica: Observed, { entries }: WriteCycle): void {
    for (const entry of entries) this.#check(replica, entry, "writes");
  }

  started(replica: Observed): void {
    const { stored } = replica.durable;
    for (let index = 1; index <= stored.count; index++) {
      const entry = stored.at(index)?.entry;
      if (entry !== undefined) this.#check(replica, entry, "has");
    }
  }

  #check(replica: Observed, entry: Entry, verb: string): void {
    if (entry.kind !== "records") return;
    const missing = batchBlobs(entry.data).find((digest) => !replica.blobs.has(digest));
    if (missing === undefined) return;
    const blob = missing.replace(/^0+/, "");
    this.#report(
      "blobs precede records",
      `${describe(replica)} ${verb} entry ${entry.index} and not its blob ${blob}`,
    );
  }
}
