/**
 * How fast the core is by itself: a cluster in one process, without disk, network or encoding. Prints one JSON line a workload.
 *
 *   pnpm exec node --conditions=annals-source packages/core/raft/bench/steps.ts
 *
 * `proposals` is what one drain of the leader coalesces. Steps are calls of `step` (messages that were handled), on all members together.
 */
import { runMicroBenches } from "@annals/kit";
import { type AppendTicket } from "../src/ready.ts";
import {
  asIndex,
  asMemberId,
  asTerm,
  type Entry,
  type LogIndex,
  type MembershipState,
  NOBODY,
  type Term,
} from "../src/types.ts";
import { type LogReader } from "../src/logReader.ts";
import { type Message } from "../src/message.ts";
import { RaftCore } from "../src/core.ts";

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

function propose(count: number): Omit<Workload, "members"> {
  const data = new Uint8Array(PAYLOAD_BYTES);
  return {
    name: `propose ×${count}`,
    items: count,
    round: ({ leader }) => {
      for (let i = 0; i < count; i += 1) leader.core.propose([{ kind: "records", data }]);
    },
  };
}

interface Workload {
  readonly name: string;
  readonly members: number;
  /** Entries, ticks or reads of one round. */
  readonly items: number;
  readonly round: (cluster: Cluster) => void;
}

/** Rounds of one run: a round is over in microseconds. */
const ROUNDS = 100;

const WORKLOADS: readonly Workload[] = [
  ...[1, 16, 64].map((count) => ({ ...propose(count), members: 3 })),
  { ...propose(16), members: 5 },
  { name: "heartbeat round", members: 3, items: 1, round: ({ leader }) => leader.core.tick() },
  {
    name: "read ×16",
    members: 3,
    items: 16,
    round: ({ leader }) => {
      for (let context = 1; context <= 16; context += 1) leader.core.readIndex(context);
    },
  },
];

for (const { name, members, items, round } of WORKLOADS) {
  const cluster = new Cluster(members);
  const began = performance.now();
  await runMicroBenches([
    {
      what: `${name}, ${members} members`,
      items: ROUNDS * items,
      run: () => {
        for (let k = 0; k < ROUNDS; k += 1) {
          round(cluster);
          cluster.settle();
        }
      },
    },
  ]);
  const stepsPerSecond = Math.round((cluster.steps * 1000) / (performance.now() - began));
  console.log(JSON.stringify({ what: `steps of ${name}, ${members} members`, stepsPerSecond }));
}
