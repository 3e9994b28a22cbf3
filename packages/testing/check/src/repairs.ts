import { equalBytes, ZERO_HASH } from "@annals/record";
import { hashEntry } from "@annals/storage";
import type { RepairOutcome } from "@annals/replica";
import type { DiskImage, StoredSlot } from "@annals/kit";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import type { CommittedLog } from "./committedLog.ts";

/**
 * A repaired disk is what it was before the damage, byte for byte, and while it is in repair its replica neither speaks nor serves
 * ("Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018: a damaged entry is neither taken for absent nor made up). It is given
 * up only for entries that others have committed.
 */
export class Repairs implements Checker {
  readonly #report: Report;
  readonly #committed: CommittedLog;
  /** By member in repair: what its disk held. */
  readonly #before = new Map<number, DiskImage>();

  constructor(report: Report, committed: CommittedLog) {
    this.#report = report;
    this.#committed = committed;
  }

  repairing(replica: Observed): void {
    this.#before.set(replica.node, replica.durable);
  }

  /** The repair is over: everything is back, its process has ended, or the disk is given up. */
  repairEnded(replica: Observed, outcome: RepairOutcome): void {
    if (outcome === "superseded") this.#givenUp(replica);
    const before = this.#before.get(replica.node);
    this.#before.delete(replica.node);
    const other = before === undefined ? "all of it" : difference(before, replica.durable);
    if (other !== undefined)
      this.#report("repair", `${describe(replica)} is ${outcome} with another ${other}`);
  }

  /** Only if other entries are committed in the place of what is damaged. */
  #givenUp(replica: Observed): void {
    const { durable, disk } = replica;
    const slots = [...disk.damaged.keys()].map((index) => durable.stored.at(index));
    const overtaken = slots.some(
      (slot) =>
        slot !== undefined &&
        slot.entry.index <= this.#committed.count &&
        !this.#committed.agrees(slot),
    );
    if (!overtaken)
      this.#report(
        "repair",
        `${describe(replica)} gives up its disk, but nothing else is committed in the place of what is damaged on it`,
      );
  }

  started(replica: Observed): void {
    this.#silent(replica, "starts");
  }

  turned(replica: Observed): void {
    this.#silent(replica, "takes turns");
  }

  sent(replica: Observed): void {
    this.#silent(replica, "speaks");
  }

  #silent(replica: Observed, does: string): void {
    if (this.#before.has(replica.node))
      this.#report("repair", `${describe(replica)} ${does} while its log is in repair`);
  }
}

/** What differs first, entries by their bytes and by the chain that they make. */
function difference(before: DiskImage, after: DiskImage): string | undefined {
  const { count } = before.stored;
  if (after.stored.count !== count) return `number of entries: ${after.stored.count} of ${count}`;
  if (after.hardState !== before.hardState || after.appliedIndex !== before.appliedIndex)
    return "state beside its entries";
  let head = ZERO_HASH;
  for (let index = 1; index <= count; index++) {
    const [was, is] = [before.stored.at(index), after.stored.at(index)];
    if (was === is && is !== undefined) {
      head = is.hash;
      continue;
    }
    if (was === undefined || is === undefined || !isSame(was, is)) return `entry ${index}`;
    head = hashEntry(head, is.entry);
    if (!equalBytes(head, was.hash)) return `chain at entry ${index}`;
  }
  return undefined;
}

function isSame(one: StoredSlot, other: StoredSlot): boolean {
  const { index, term, kind, data } = one.entry;
  const { entry, hash } = other;
  return (
    index === entry.index &&
    term === entry.term &&
    kind === entry.kind &&
    equalBytes(data, entry.data) &&
    equalBytes(one.hash, hash)
  );
}
