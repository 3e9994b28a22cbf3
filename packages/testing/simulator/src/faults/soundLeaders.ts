import type { Log } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/** The leaders of a log that run, are not frozen, are not being closed, and have not failed: a fault can be aimed at them. */
export function soundLeaders({ replicas, world }: Log): readonly Member[] {
  return replicas.filter(
    ({ replica, host, closing, failure }) =>
      replica?.role === "leader" &&
      world.inService.includes(host) &&
      !host.frozen &&
      !closing &&
      failure === undefined,
  );
}
