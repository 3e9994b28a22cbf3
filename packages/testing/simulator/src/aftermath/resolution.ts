import { blankImage, CYCLE_STEPS } from "@annals/kit";
import type { Random, StoredRun } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { equalBytes } from "@annals/record";
import type { Cluster } from "../world/cluster.ts";
import type { Log, Logs } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/** The rule of what an operator decides: one copy is the log, nothing of another one comes back, and the log goes on. */
export const ONE_KEPT = "one copy is kept";

/** Shortest election timeouts within which all nodes are started again. */
const START_ELECTIONS = 8;

/** Those within which some nodes end once more. */
const CRASH_ELECTIONS = 24;

/** What was decided for one log, and what the copies held that it was carried out on. */
export interface Decided {
  readonly kept: Member;
  /** The kept copy, and those that were given up, when it was carried out on them. */
  readonly copy: StoredRun;
  readonly others: readonly StoredRun[];
}

/** When a loss was noticed: all nodes are stopped, one copy of each log is kept, any one, and the others are emptied. */
export class Resolution {
  readonly #world: Cluster & Logs;
  readonly #decided = new Map<Log, Decided>();

  constructor(world: Cluster & Logs, random: Random) {
    this.#world = world;
    for (const node of world.inService) node.crash("begun");
    for (const log of world.logs) this.#decided.set(log, this.#decide(log, random));
    const { tickMs, electionTicks } = world.plan.config;
    const electionUs = electionTicks * tickMs * 1000;
    for (const node of world.inService) {
      world.scheduler.after(random.below(START_ELECTIONS * electionUs), () => node.start());
      // While logs are being filled their leaders change.
      if (random.chance(0.5)) continue;
      world.scheduler.after(random.below(CRASH_ELECTIONS * electionUs), () =>
        node.crashFor(random.below(START_ELECTIONS * electionUs), random.pick(CYCLE_STEPS)),
      );
    }
  }

  #decide({ replicas }: Log, random: Random): Decided {
    const kept = random.pick(replicas);
    const others = replicas.filter((one) => one !== kept);
    const decided = {
      kept,
      copy: kept.durable.stored,
      others: others.map(({ durable }) => durable.stored),
    };
    keep(kept);
    for (const one of others) {
      if (this.#world.mutant?.clearsEveryMark === true) one.histories.forget();
      else empty(one, kept);
    }
    return decided;
  }

  /** Undefined once every log has gone on behind its kept copy, the same one everywhere. */
  problem(): string | undefined {
    for (const [log, decided] of this.#decided) {
      const problem = problemOf(log, decided);
      if (problem !== undefined) return `log ${log.number}: ${problem}`;
    }
    return undefined;
  }
}

/** All that the copy holds is committed, by decision. */
export function keep({ disk, histories }: Member): void {
  const { image } = disk;
  const commitIndex = asIndex(image.stored.count);
  disk.putBack({ ...image, hardState: { ...image.hardState, commitIndex } });
  histories.resolve(undefined);
}

/** What is left are the term and the vote. */
export function empty({ disk, blobs, histories, born }: Member, kept: Member): void {
  const blank = blankImage(born);
  const { term, votedFor } = disk.image.hardState;
  disk.putBack({ ...blank, hardState: { ...blank.hardState, term, votedFor } });
  blobs.blank();
  histories.resolve(kept.id);
}

/** What is still wrong with the log; undefined once it has gone on behind its kept copy, the same one everywhere. */
export function problemOf({ replicas }: Log, decided: Decided): string | undefined {
  const { kept, copy, others } = decided;
  const end = copy.last;
  for (const replica of replicas) {
    const { node, raft, durable, diverged } = replica;
    const { stored } = durable;
    if (raft === undefined || diverged) return `n${node} is ${diverged ? "diverged" : "down"}`;
    if (raft.emptied !== undefined) return `n${node} waits for the copy of n${kept.node}`;
    if (end !== undefined && !isSame(stored.at(copy.count)?.hash, end.hash))
      return `n${node} does not have the copy of n${kept.node} up to ${copy.count}`;
    const next = stored.at(copy.count + 1);
    if (next === undefined || raft.leader === 0) return `n${node} has not gone on`;
    if (others.some((other) => isSame(other.at(copy.count + 1)?.hash, next.hash)))
      return `n${node} has entry ${copy.count + 1} of a copy that was given up`;
    const last = kept.durable.stored.last;
    if (!isSame(stored.last?.hash, last?.hash ?? end?.hash)) return `n${node} has another log`;
    if (raft.commitIndex !== stored.count) return `n${node} has not committed its end`;
  }
  return undefined;
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && equalBytes(one, other);
}
