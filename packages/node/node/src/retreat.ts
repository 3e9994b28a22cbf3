import type { NodeConfig } from "@annals/config";
import { listQuarantines } from "./quarantine.ts";

/** How often a node that waits for the others looks again. */
export const RETREAT_POLL_MS = 1000;
const READY_TIMEOUT_MS = 2000;

function others({ nodes, node }: NodeConfig): readonly string[] {
  return Object.entries(nodes).flatMap(([id, address]) => (id === node ? [] : [address]));
}

function majority({ nodes }: NodeConfig): number {
  return Math.floor(Object.keys(nodes).length / 2) + 1;
}

/** Why this node must not begin anew by itself, and what to do; undefined when it may. */
export async function retreatRefused(config: NodeConfig): Promise<string | undefined> {
  const [earlier] = await listQuarantines(config.data);
  if (earlier !== undefined)
    return (
      `${earlier} in ${config.data} is from an earlier time: look at the disk, move the quarantine away and start the node, ` +
      `which then begins anew as a new member`
    );
  if (others(config).length >= majority(config)) return undefined;
  return (
    "the other nodes are no majority, so this node cannot be replaced while they are alone: restore its data directory " +
    "from a copy that was taken while all nodes were stopped"
  );
}

/**
 * Whether a majority of the cluster serves every log without this node: each such node is ready by its own word. A peer in the same trouble
 * is not, so two nodes never give up their disks at once.
 */
export async function othersReady(config: NodeConfig): Promise<boolean> {
  const ready = await Promise.all(others(config).map(isReady));
  return ready.filter(Boolean).length >= majority(config);
}

async function isReady(address: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
    const response = await fetch(`http://${address}/readyz`, { signal });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    // Not there: not ready.
    return false;
  }
}
