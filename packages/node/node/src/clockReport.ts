import type { ClockView } from "@annals/replica";
import type { ClockStatus, NodeClock } from "@annals/api";

/** The clocks of all nodes that are heard of, by node. The own one is at 0 by definition. */
export function nodeClocks(self: string, view: ClockView): ReadonlyMap<string, NodeClock> {
  const own: NodeClock = { offsetMs: 0, uncertaintyMs: 0, off: view.kind === "off" };
  const peers = view.peers.map(({ node, offsetMs, uncertaintyMs, off }): [string, NodeClock] => [
    node,
    { offsetMs: round(offsetMs), uncertaintyMs: round(uncertaintyMs), off },
  ]);
  return new Map([[self, own], ...peers]);
}

export function clockStatus(view: ClockView): ClockStatus {
  const { kind, held, stampOffsetMs, ownOffsetMs, uncertaintyMs } = view;
  return {
    state: kind,
    held,
    stampOffsetMs: round(stampOffsetMs),
    offsetMs: ownOffsetMs && round(ownOffsetMs),
    uncertaintyMs: uncertaintyMs && round(uncertaintyMs),
  };
}

/** To microseconds. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
