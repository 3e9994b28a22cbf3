import type { Random } from "@annals/kit";

/** What a machine must permit for some kinds of fault; each has a probe (`probes.ts`). */
export type Capability =
  | "signals"
  | "proxy"
  | "packetFilter"
  | "powerLoss"
  | "shim"
  | "smallDisk"
  | "fileLimit"
  | "clock";

export type FaultKind =
  | "kill"
  | "killMinority"
  | "killMajority"
  | "killAll"
  | "freeze"
  | "freezeMajority"
  | "terminate"
  | "transfer"
  | "wipe"
  | "workerEnds"
  | "delay"
  | "loss"
  | "oneWay"
  | "reset"
  | "throttle"
  | "blackHole"
  | "partition"
  | "dropBothWays"
  | "dropOneWay"
  | "dropBridge"
  | "dropRing"
  | "powerLoss"
  | "powerLossMinority"
  | "powerLossAll"
  | "flushFails"
  | "writeFails"
  | "slowDisk"
  | "diskFull"
  | "noFiles"
  | "clockJump";

/** Whom a fault strikes: one node, so few that a quorum is left, so many that none is, or all. */
type Scope = "one" | "minority" | "majority" | "all";

export interface FaultTraits {
  readonly needs: Capability;
  readonly scope: Scope;
  /** Bounds of how long it lasts. A kill lasts until the restart. */
  readonly lastsMs: readonly [number, number];
}

function fault(needs: Capability, scope: Scope, leastMs: number, mostMs: number): FaultTraits {
  return { needs, scope, lastsMs: [leastMs, mostMs] };
}

export const FAULTS: Readonly<Record<FaultKind, FaultTraits>> = {
  kill: fault("signals", "one", 100, 2500),
  killMinority: fault("signals", "minority", 100, 2500),
  killMajority: fault("signals", "majority", 100, 2000),
  killAll: fault("signals", "all", 100, 1500),
  freeze: fault("signals", "one", 200, 3000),
  freezeMajority: fault("signals", "majority", 200, 2000),
  terminate: fault("signals", "one", 100, 1500),
  transfer: fault("signals", "one", 0, 0),
  wipe: fault("signals", "one", 100, 1000),
  workerEnds: fault("signals", "one", 0, 0),
  delay: fault("proxy", "minority", 500, 3000),
  loss: fault("proxy", "majority", 500, 3000),
  oneWay: fault("proxy", "one", 500, 3000),
  reset: fault("proxy", "one", 0, 0),
  throttle: fault("proxy", "minority", 500, 3000),
  blackHole: fault("proxy", "one", 500, 3000),
  partition: fault("proxy", "minority", 500, 3000),
  dropBothWays: fault("packetFilter", "minority", 500, 3000),
  dropOneWay: fault("packetFilter", "one", 500, 3000),
  dropBridge: fault("packetFilter", "minority", 500, 3000),
  dropRing: fault("packetFilter", "all", 500, 3000),
  powerLoss: fault("powerLoss", "one", 200, 1500),
  powerLossMinority: fault("powerLoss", "minority", 200, 1500),
  powerLossAll: fault("powerLoss", "all", 200, 1000),
  flushFails: fault("shim", "one", 200, 1500),
  writeFails: fault("shim", "one", 200, 1500),
  slowDisk: fault("shim", "minority", 500, 3000),
  diskFull: fault("smallDisk", "minority", 500, 3000),
  noFiles: fault("fileLimit", "one", 500, 2000),
  clockJump: fault("clock", "minority", 500, 3000),
};

export const FAULT_KINDS: readonly FaultKind[] = Object.keys(FAULTS).filter(isFaultKind);

function isFaultKind(text: string): text is FaultKind {
  return Object.hasOwn(FAULTS, text);
}

/** The nodes that a fault of this scope strikes, drawn. */
export function drawNodes(scope: Scope, ids: readonly string[], random: Random): string[] {
  const shuffled = random.shuffled(ids);
  const most = Math.floor((ids.length - 1) / 2);
  switch (scope) {
    case "one":
      return shuffled.slice(0, 1);
    case "minority":
      return shuffled.slice(0, random.between(1, Math.max(1, most)));
    case "majority":
      return shuffled.slice(0, random.between(most + 1, Math.max(most + 1, ids.length - 1)));
    case "all":
      return shuffled;
    default:
      return scope satisfies never;
  }
}
