import type { LogUnderTest } from "./logUnderTest.ts";
import type { SimulatedReplica } from "./simulatedReplica.ts";

/** The leaders of a log that run, are not frozen, are not being closed, and have not failed: a fault can be aimed at them. */
export function soundLeaders({ replicas, world }: LogUnderTest): readonly SimulatedReplica[] {
  return replicas.filter(
    ({ replica, host, closing, failure }) =>
      replica?.role === "leader" &&
      world.inService.includes(host) &&
      !host.frozen &&
      !closing &&
      failure === undefined,
  );
}
