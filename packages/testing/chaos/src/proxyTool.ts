import { LinkMatrix, PROXY_HOST, SYSTEM_CLOCK } from "@annals/drill";
import { Random } from "@annals/kit";
import { nothingToHeal } from "./strike.ts";
import type { Strike } from "./strike.ts";
import type { Tool, ToolSite } from "./tool.ts";

type Pair = readonly [string, string];

/** Faults of the links between nodes, by a proxy in user space on each of them. */
export async function proxyTool({ ids, addresses }: ToolSite): Promise<Tool> {
  const matrix = await LinkMatrix.start({ addresses, listenHost: PROXY_HOST, clock: SYSTEM_CLOCK });
  const from = (nodes: readonly string[]): Pair[] => links(ids, nodes);
  const to = (nodes: readonly string[]): Pair[] => from(nodes).map(([a, b]) => [b, a]);
  const stall = (pairs: readonly Pair[]): (() => void) => matrix.impair(pairs, { stalled: true });
  const delay: Strike = (nodes, { seed }) => {
    const delayMs = new Random(seed).pick([20, 60, 150, 400]);
    return matrix.impair([...from(nodes), ...to(nodes)], { delayMs });
  };
  return {
    envOf: (id) => ({
      DRILL_ROUTES: JSON.stringify(matrix.routesOf(id, addresses)),
      DRILL_SOURCE: PROXY_HOST,
    }),
    strikes: () => ({
      delay,
      loss: (nodes, { seed }) => {
        const loss = new Random(seed).pick([0.02, 0.1, 0.3]);
        return matrix.impair([...from(nodes), ...to(nodes)], { loss });
      },
      throttle: (nodes, { seed }) => {
        const bytesPerSecond = new Random(seed).pick([5_000, 50_000, 200_000]);
        return matrix.impair([...from(nodes), ...to(nodes)], { bytesPerSecond });
      },
      // The node hears and is not heard, or the other way round.
      oneWay: (nodes, { seed }) => stall(new Random(seed).chance(0.5) ? from(nodes) : to(nodes)),
      blackHole: (nodes) => stall([...from(nodes), ...to(nodes)]),
      partition: (nodes) => {
        const cut = links(ids, nodes).filter(([, b]) => !nodes.includes(b));
        return stall([...cut, ...cut.map(([a, b]): Pair => [b, a])]);
      },
      reset: ([one = ""]) => {
        const cut = ids.filter((id) => id !== one).map((other) => matrix.reset(one, other));
        return cut.some((count) => count > 0) ? nothingToHeal : undefined;
      },
    }),
    heal: () => matrix.healAll(),
    close: () => matrix.close(),
  };
}

/** Every direction from one of `nodes` to another node. */
function links(ids: readonly string[], nodes: readonly string[]): Pair[] {
  return nodes.flatMap((a) => ids.filter((b) => b !== a).map((b): Pair => [a, b]));
}
