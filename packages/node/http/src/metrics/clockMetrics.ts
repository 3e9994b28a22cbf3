import type { NodeClock } from "@annals/api";
import { one } from "./metric.ts";
import type { PlainMetric } from "./metric.ts";

function peerMetric(name: string, help: string, ms: (clock: NodeClock) => number): PlainMetric {
  return {
    name: `annals_clock_${name}_seconds`,
    kind: "gauge",
    help,
    labels: ["peer"],
    samples: ({ cluster }) =>
      cluster.nodes.flatMap(({ id, clock }) =>
        clock === undefined || id === cluster.node
          ? []
          : [{ labels: { peer: id }, value: ms(clock) / 1000 }],
      ),
  };
}

/** How the clocks of the nodes compare. */
export const CLOCK_METRICS: readonly PlainMetric[] = [
  peerMetric(
    "offset",
    "Clock of another node minus the clock of this node in seconds, for nodes that answered " +
      "in the last ten seconds.",
    ({ offsetMs }) => offsetMs,
  ),
  peerMetric(
    "uncertainty",
    "Largest error of annals_clock_offset_seconds for that node: half of the round trip in " +
      "seconds.",
    ({ uncertaintyMs }) => uncertaintyMs,
  ),
  {
    name: "annals_clock_wrong",
    kind: "gauge",
    help:
      "Whether a clock is wrong: 1 if most other clocks contradict one, if no majority agrees, " +
      "or if a clock jumped and no node can confirm it.",
    labels: [],
    samples: ({ cluster: { clock, nodes } }) => {
      const fine = clock.state === "agreed" || clock.state === "alone";
      return one(Number(!fine || nodes.some((node) => node.clock?.off === true)));
    },
  },
  {
    name: "annals_clock_stamps_held",
    kind: "gauge",
    help: "Whether this node stamps records with another time than its clock shows: 1 if it does.",
    labels: [],
    samples: ({ cluster }) => one(Number(cluster.clock.held)),
  },
];
