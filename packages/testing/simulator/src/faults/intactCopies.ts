import type { Log, Logs } from "../world/log.ts";

/**
 * Whether every committed entry that is damaged on some disk is intact on the disk of one of `members`. What damages disks and what takes
 * them away for good keep to this, so a repair that finds nobody in the end is a bug.
 */
export function keepsEveryEntry(world: Logs, members: ReadonlySet<number>): boolean {
  return world.logs.every((log) => {
    const damaged = new Set(log.replicas.flatMap(({ disk }) => [...disk.damaged.keys()]));
    return [...damaged].every(
      (index) => index > log.committed.count || isIntactOn(log, index, members),
    );
  });
}

/** Whether the entry is intact on a disk of one of `members`, who stay. */
export function isIntactOn(
  { replicas, committed, world: { leaving } }: Log,
  index: number,
  members: ReadonlySet<number>,
): boolean {
  return replicas.some(({ id, disk, durable }) => {
    if (!members.has(id) || leaving.has(id) || disk.damaged.has(index)) return false;
    const slot = durable.stored.at(index);
    return slot !== undefined && committed.agrees(slot);
  });
}
