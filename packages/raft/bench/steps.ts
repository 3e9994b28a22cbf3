/**
 * How fast the core is by itself: a cluster in one process, without disk, network or encoding. Prints one JSON line a workload.
 *
 *   pnpm exec node --conditions=annals-source packages/raft/bench/steps.ts [SECONDS]
 *
 * `proposals` is what one drain of the leader coalesces. Steps are calls of `step` (messages that were handled), on all members together.
 */
import {
  type AppendTicket,
  asIndex,
  asMemberId,
  asTerm,
  type Entry,
  type LogIndex,
  type LogReader,
  type MembershipState,
  type Message,
  NOBODY,
  RaftCore,
  type Term,
} from "@annals/raft";

const PAYLOAD_BYTES = 256;

/** An array with the face of a log; every write is durable at once. */
class ArrayLog implements LogReader {
  readonly #membership: MembershipState;
  readonly #entries: Entry[] = [];

  constructor(membership: MembershipState) {
    this.#membership = membership;
  }

  initialState(): ReturnType<LogReader["initialState"]> {
    const hardState = { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) };
    return { hardState, membership: this.#membership };
  }

  firstIndex(): LogIndex {
    return asIndex(1);
  }

  lastIndex(): LogIndex {
    return asIndex(this.#entries.length);
  }

  term(index: LogIndex): Term | "compacted" | "unavailable" {
    if (index === 0) return asTerm(0);
    return this.#entries[index - 1]?.term ?? "unavailable";
  }

  entries(from: LogIndex, to: LogIndex): readonly Entry[] {
    return this.#entries.slice(from - 1, to - 1);
  }

  snapshot(): undefined {
    return undefined;
  }

  write(ticket: AppendTicket): void {
    const [first] = ticket.entries;
    if (first !== undefined) this.#entries.length = first.index - 1;
    for (const entry of ticket.entries) this.#entries.push(entry);
  }
}

interface Node {
  readonly core: RaftCore;
  readonly log: ArrayLog;
}

class Cluster {
  readonly nodes: readonly Node[];
  steps = 0;
  #queue: Message[] = [];

  constructor(size: number) {
    const voters = Array.from({ length: size }, (_, i) => asMemberId(i + 1));
    const membership = {
      voters,
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    };
    this.nodes = voters.map((id) => {
      const log = new ArrayLog(membership);
      return { core: new RaftCore({ ...CONFIG, id }, log), log };
    });
    this.leader.core.campaign();
    this.settle();
    if (this.leader.core.role !== "leader") throw new Error("the election failed");
  }

  get leader(): Node {
    const [node] = this.nodes;
    if (node === undefined) throw new Error("a cluster has nodes");
    return node;
  }

  settle(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const node of this.nodes) busy = this.#drain(node) || busy;
      const due = this.#queue;
      this.#queue = [];
      for (const message of due) {
        this.nodes[message.to - 1]?.core.step(message);
        this.steps += 1;
        busy = true;
      }
    }
  }

  #drain({ core, log }: Node): boolean {
    if (!core.hasReady()) return false;
    const { messages, append, apply } = core.takeReady();
    for (const message of messages) this.#queue.push(message);
    if (append !== undefined) {
      log.write(append);
      core.appendDone(append);
      for (const message of append.afterDurable) {
        if (message.to !== message.from) this.#queue.push(message);
      }
    }
    const last = apply.at(-1);
    if (last !== undefined) core.applyDone(last.index);
    return true;
  }
}

const CONFIG = {
  electionTicks: 10,
  heartbeatTicks: 1,
  maxAppendBytes: 4 * 1024 * 1024,
  maxAppendEntries: 64,
  maxInflightMessages: 32,
  maxInflightBytes: 16 * 1024 * 1024,
  maxUncommittedBytes: 64 * 1024 * 1024,
  maxCommittedBytes: 4 * 1024 * 1024,
  preVote: true,
  checkQuorum: true,
  readOnly: "safe",
  stepDownOnRemoval: true,
  disableMembershipValidation: false,
  disableProposalForwarding: true,
  applied: 0,
  randomBelow: () => 0,
} as const;

function run(
  name: string,
  seconds: number,
  cluster: Cluster,
  round: (cluster: Cluster) => number,
): void {
  const work = (limit: number): { steps: number; items: number; elapsed: number } => {
    const start = performance.now();
    const before = cluster.steps;
    let items = 0;
    while (performance.now() - start < limit) {
      items += round(cluster);
      cluster.settle();
    }
    return { steps: cluster.steps - before, items, elapsed: (performance.now() - start) / 1_000 };
  };
  work(300);
  const { steps, items, elapsed } = work(seconds * 1_000);
  console.log(
    JSON.stringify({
      bench: name,
      nodes: cluster.nodes.length,
      seconds: Number(elapsed.toFixed(1)),
      stepsPerSecond: Math.round(steps / elapsed),
      itemsPerSecond: Math.round(items / elapsed),
    }),
  );
}

function propose(count: number): (cluster: Cluster) => number {
  const data = new Uint8Array(PAYLOAD_BYTES);
  return ({ leader }) => {
    for (let i = 0; i < count; i += 1) leader.core.propose([{ kind: "records", data }]);
    return count;
  };
}

const seconds = Number(process.argv[2] ?? 2);
for (const proposals of [1, 16, 64]) {
  run(`propose ×${proposals}`, seconds, new Cluster(3), propose(proposals));
}
run("propose ×16", seconds, new Cluster(5), propose(16));
run("heartbeat round", seconds, new Cluster(3), ({ leader }) => {
  leader.core.tick();
  return 1;
});
run("read ×16", seconds, new Cluster(3), ({ leader }) => {
  for (let context = 1; context <= 16; context += 1) leader.core.readIndex(context);
  return 16;
});
