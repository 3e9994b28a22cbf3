import { asTerm } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import type { RepairPage } from "@annals/replica";
import type { Member } from "../world/machine.ts";
import type { Cluster } from "../world/cluster.ts";

/** The network beside the links of the replicas. */
type Aside = Pick<Cluster, "scheduler" | "network" | "plan" | "journal">;

/** Election timeouts after which a question counts as not answered. */
const ANSWER_ELECTIONS = 2;

/**
 * Asks a peer for entries of a log in repair, as over a link of its own: the question and the answer are lost, late and cut off like any
 * frame. Resolves in bounded time.
 */
export function askForPage(
  world: Aside,
  asking: Member,
  peer: Member,
  from: LogIndex,
  to: LogIndex,
): Promise<RepairPage | "unavailable"> {
  const { scheduler, network, plan, journal } = world;
  const { host } = asking;
  const { life } = host;
  const timeoutUs = ANSWER_ELECTIONS * plan.config.tickMs * plan.config.electionTicks * 1000;
  return new Promise((resolve) => {
    scheduler.after(timeoutUs, () => host.run(life, () => resolve("unavailable")));
    network.sendAside(asking, peer, () => {
      const page = peer.repairPage(from, to);
      network.sendAside(peer, asking, () => {
        const empty = page === undefined || page.entries.length === 0;
        journal.note("repairPage", asking.node, asking.log, empty ? 0 : page.entries.length);
        resolve(empty ? "unavailable" : maybeWrong(world, asking, page));
      });
    });
  });
}

/** FAULT: now and then an entry is not what the others have. */
function maybeWrong(world: Aside, asking: Member, page: RepairPage): RepairPage {
  if (!world.network.strikes("wrongPage")) return page;
  world.journal.note("wrongPage", asking.node, asking.log, page.entries.length);
  const chance = world.network.drawWrong();
  return {
    ...page,
    entries: page.entries.map((entry, k) => (k === 0 ? altered(entry, chance) : entry)),
  };
}

/** Two peers that are wrong are hardly ever wrong in the same way. */
function altered(entry: Entry, chance: number): Entry {
  if (entry.data.length === 0) return { ...entry, term: asTerm(entry.term + 1 + chance) };
  const data = new Uint8Array(entry.data);
  const at = chance % data.length;
  data[at] = (data[at] ?? 0) ^ (1 + (chance % 255));
  return { ...entry, data };
}
