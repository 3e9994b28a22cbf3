import type { Capability } from "./faultKinds.ts";

/** Undefined: permitted. Otherwise why not. */
export type Obstacle = string | undefined;

/** What this machine permits, found out by trying. */
export async function probe(): Promise<ReadonlyMap<Capability, Obstacle>> {
  return new Map<Capability, Obstacle>([
    ["signals", undefined],
    ["proxy", undefined],
    ["packetFilter", "not built yet"],
    ["powerLoss", "not built yet"],
    ["shim", "not built yet"],
    ["smallDisk", "not built yet"],
    ["fileLimit", "not built yet"],
    ["clock", "not built yet"],
  ]);
}
