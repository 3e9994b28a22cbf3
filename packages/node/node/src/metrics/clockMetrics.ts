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
    "What the clock of a peer shows minus what this node's does; of peers heard of in the last ten seconds.",
    ({ offsetMs }) => offsetMs,
  ),
  peerMetric(
    "uncertainty",
    "How far that offset may be wrong: half of the round trip.",
    ({ uncertaintyMs }) => uncertaintyMs,
  ),
  {
    name: "annals_clock_wrong",
    kind: "gauge",
    help: "1 if a clock is contradicted by most others, if no majority agrees, or if a clock jumped that nobody can confirm.",
    labels: [],
    samples: ({ cluster: { clock, nodes } }) => {
      const fine = clock.state === "agreed" || clock.state === "alone";
      return one(Number(!fine || nodes.some((node) => node.clock?.off === true)));
    },
  },
  {
    name: "annals_clock_stamps_held",
    kind: "gauge",
    help: "1 if this node stamps records with another time than its clock shows.",
    labels: [],
    samples: ({ cluster }) => one(Number(cluster.clock.held)),
  },
];
