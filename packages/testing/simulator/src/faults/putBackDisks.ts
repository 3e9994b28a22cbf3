import { STANDS_STILL } from "@annals/check";
import { CYCLE_STEPS } from "@annals/kit";
import type { Random, StoredSlot } from "@annals/kit";
import type { TimedFault } from "../world/faultKinds.ts";
import { ONE_KEPT } from "../aftermath/resolution.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Log, Logs } from "../world/log.ts";
import type { Host } from "../world/machine.ts";

/** The rule of the mode in which the disks of a quorum go back. */
export const UNNOTICED = "a loss is noticed";

/** What still holds when what was promised is gone: it is noticed, and whoever has noticed it stands still. */
const RULES_OF_TORN: ReadonlySet<string> = new Set([
  UNNOTICED,
  ONE_KEPT,
  STANDS_STILL,
  "committed on a quorum",
  "fail-stop",
  "receipts",
  "nothing throws",
  "no broken replica",
]);

/** What may happen while one member catches up with what its disk has lost: nobody's memory ends, and all can be reached. */
const BESIDE_CATCHING_UP: ReadonlySet<TimedFault> = new Set([
  "slowDisk",
  "transfer",
  "unreachable",
]);

/** FAULT: disks go back to what they were earlier while their machines restart, as when somebody rolls back a snapshot of a volume. */
export class PutBackDisks {
  readonly #world: Cluster & Logs;
  /** The member that went back last. */
  #node: Host | undefined;
  /** By log, what was known to be committed on some disk that did not go back; once a quorum's disks have. */
  #known: ReadonlyMap<Log, StoredSlot | undefined> | undefined;

  constructor(world: Cluster & Logs) {
    this.#world = world;
  }

  /** The disks of a quorum went back. */
  get torn(): boolean {
    return this.#known !== undefined;
  }

  /** Whether the breach of a rule is what the fault leads to. */
  excuses(rule: string): boolean {
    if (this.torn) return !RULES_OF_TORN.has(rule);
    // Until it has asked, its leader believes that it has what it had.
    return this.#node !== undefined && rule === "honest messages";
  }

  /** Whether the other fault may strike now. */
  tolerates(fault: TimedFault): boolean {
    const { replicas = [] } = this.torn ? {} : (this.#node ?? {});
    return !replicas.some(({ past }) => past.behind) || BESIDE_CATCHING_UP.has(fault);
  }

  /** Returns how many disks went back. */
  strike(node: Host, random: Random, electionUs: number): number {
    const { plan } = this.#world;
    if (plan.putBack === "quorum") return this.#strikeQuorum(random, electionUs);
    return this.#strikeMember(node, random, electionUs);
  }

  /** One member goes back while all others run and can be reached. */
  #strikeMember(node: Host, random: Random, electionUs: number): number {
    const { inService, network } = this.#world;
    if (network.partition.active || !inService.every(isCalm)) return 0;
    node.crash(random.pick(CYCLE_STEPS));
    this.#node = node;
    this.#putBack([node], random);
    node.crashFor(random.below(2 * electionUs), "begun");
    return 1;
  }

  /** At least a quorum goes back, at least one disk does not. */
  #strikeQuorum(random: Random, electionUs: number): number {
    const { inService, logs } = this.#world;
    if (this.torn) return 0;
    const count = random.between(Math.floor(inService.length / 2) + 1, inService.length - 1);
    const nodes = random.shuffled(inService).slice(0, count);
    for (const node of nodes) node.crash(random.pick(CYCLE_STEPS));
    this.#known = new Map(logs.map((log) => [log, knownElsewhere(log, nodes)]));
    this.#putBack(nodes, random);
    for (const node of nodes) node.crashFor(random.below(4 * electionUs), "begun");
    return count;
  }

  /** All to the same moment. */
  #putBack(nodes: readonly Host[], random: Random): void {
    const flushes = nodes.flatMap(({ replicas }) => replicas.flatMap(({ past }) => past.earlier));
    if (flushes.length === 0) return;
    const { untilUs } = random.pick(flushes);
    for (const { replicas } of nodes) for (const replica of replicas) replica.putBack(untilUs);
  }

  /**
   * After everything was healed: the replicas of each log that go on, and miss nothing that they know of, are no quorum; or they have one
   * log, with all that any disk knows to be committed now, and with all that a disk which did not go back knew then. Undefined when this
   * holds.
   */
  unnoticed(): string | undefined {
    for (const [log, known] of this.#known ?? []) {
      const problem = unnoticedIn(log, known);
      if (problem !== undefined) return `log ${log.number}: ${problem}`;
    }
    return undefined;
  }
}

/** Nothing is wrong with it, and it has been told that nothing will be. */
function isCalm({ up, frozen, replicas }: Host): boolean {
  return up && !frozen && replicas.every((one) => one.up && !one.closing && !one.failure);
}

function knownElsewhere(
  { replicas, committed }: Log,
  nodes: readonly Host[],
): StoredSlot | undefined {
  const commits = replicas
    .filter(({ host }) => !nodes.includes(host))
    .map(({ durable }) => durable.hardState.commitIndex);
  return committed.at(Math.max(0, ...commits))?.slot;
}

function unnoticedIn({ replicas }: Log, known: StoredSlot | undefined): string | undefined {
  const down = replicas.find(({ up }) => !up);
  if (down !== undefined) return `n${down.node} is down`;
  const goingOn = replicas.filter(
    ({ diverged, raft }) => !diverged && raft?.recovery?.lacks === undefined,
  );
  if (2 * goingOn.length <= replicas.length) return undefined;
  const heads = new Set(goingOn.map(({ durable }) => hex(durable.stored.last)));
  if (heads.size > 1) return `${goingOn.length} go on with ${heads.size} logs`;
  const { stored } = goingOn[0]?.durable ?? {};
  const committed = replicas.map(({ durable }) => durable.stored.at(durable.hardState.commitIndex));
  const lost = [known, ...committed].find(
    (slot) => slot && hex(slot) !== hex(stored?.at(slot.entry.index)),
  );
  return lost && `${goingOn.length} go on without ${lost.entry.term}/${lost.entry.index}`;
}

function hex(slot: StoredSlot | undefined): string {
  return Buffer.from(slot?.hash ?? []).toString("hex");
}
