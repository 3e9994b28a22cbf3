import { PacketFilter } from "./packetFilter.ts";
import type { Strike } from "./strike.ts";
import type { Tool, ToolSite } from "./tool.ts";

type Pair = readonly [string, string];

/** Packets between nodes that vanish, by the kernel's filter in the private network namespace. */
export async function packetTool({ ids, addresses, needs }: ToolSite): Promise<Tool> {
  const hostOf = (id: string): string => (addresses.get(id) ?? "").split(":")[0] ?? "";
  const filter = await PacketFilter.open();
  const drop = async (pairs: readonly Pair[]) =>
    filter.drop(pairs.map(([from, to]): Pair => [hostOf(from), hostOf(to)]));
  const bothWays = (pairs: readonly Pair[]): Pair[] =>
    pairs.flatMap(([a, b]): Pair[] => [
      [a, b],
      [b, a],
    ]);
  const dropBothWays: Strike = (nodes) => drop(bothWays(across(ids, nodes)));
  // A peer's own address is dialled, but from the node's own: otherwise all packets look alike. A proxy does that by itself.
  const env = (id: string): Record<string, string> => ({
    DRILL_ROUTES: JSON.stringify(Object.fromEntries([...addresses.values()].map((to) => [to, to]))),
    DRILL_SOURCE: hostOf(id),
  });
  return {
    ...(needs.has("proxy") ? {} : { envOf: env }),
    strikes: () => ({
      dropBothWays,
      dropOneWay: ([one = ""]) => drop(across(ids, [one])),
      dropBridge: ([bridge = ""]) => drop(bothWays(halves(ids, bridge))),
      dropRing: (nodes) => drop(bothWays(strangers(nodes))),
    }),
    heal: () => filter.clear(),
    close: () => filter.close(),
  };
}

/** From `nodes` to all others. */
function across(ids: readonly string[], nodes: readonly string[]): Pair[] {
  const others = ids.filter((id) => !nodes.includes(id));
  return nodes.flatMap((a) => others.map((b): Pair => [a, b]));
}

/** Between the two halves that only the bridge still joins. */
function halves(ids: readonly string[], bridge: string): Pair[] {
  const rest = ids.filter((id) => id !== bridge);
  const half = rest.slice(0, Math.ceil(rest.length / 2));
  return across(rest, half);
}

/** Each node keeps only its neighbours on a ring, of which a majority is: no two see the same one. */
function strangers(ring: readonly string[]): Pair[] {
  const reach = Math.floor((Math.floor(ring.length / 2) + 1) / 2);
  return ring.flatMap((a, i) =>
    ring.flatMap((b, k): Pair[] => {
      const apart = Math.min(Math.abs(i - k), ring.length - Math.abs(i - k));
      return i < k && apart > reach ? [[a, b]] : [];
    }),
  );
}
