import type { GroupCondition } from "./groups.ts";
import type { DecisionInfo, DivergenceInfo } from "./logs.ts";
import type { MemoryStatus } from "./memory.ts";

export interface ClusterStatus {
  /** Its name, which other clusters may have, too. */
  readonly cluster: string;
  /** Drawn at birth: no other cluster has it. Undefined until then. */
  readonly clusterId: string | undefined;
  /** The node that answers. */
  readonly node: string;
  readonly version: string;
  readonly nodes: readonly NodeStatus[];
  readonly logs: readonly LogStatus[];
  /** How often links from peers ended here, by the code of their reason. */
  readonly linkFaults: Readonly<Record<string, number>>;
  readonly clock: ClockStatus;
  /** Worker threads of the answering node that ended without being asked to. */
  readonly workerRestarts: number;
  /** Its worker threads that run now; empty until its cluster is born. */
  readonly workers: readonly WorkerStatus[];
  /** What the answering node holds in memory; undefined until its cluster is born. */
  readonly memory: MemoryStatus | undefined;
  /** The last time that the answering node has read and checked everything that it stores; no time before the first one. */
  readonly scrub: {
    readonly finishedAt: string | undefined;
    readonly logs: number;
    readonly damaged: number;
  };
  /** Groups of the logs that the answering node leads: those that are stuck, then those furthest behind; at most 256. */
  readonly groups: readonly GroupStatus[];
  /** Whatever is wrong, in plain words; empty when all is well. */
  readonly reasons: readonly string[];
}

export interface GroupStatus extends GroupCondition {
  readonly log: string;
}

/** A worker thread of the answering node. */
export interface WorkerStatus {
  readonly id: number;
  /** It is there for logs that keep ending their workers. */
  readonly isolated: boolean;
  readonly logs: readonly string[];
  /** Those of them that take a place of `workers.maxCatchUps`. */
  readonly catchingUp: readonly string[];
  /** Seconds for which the thread's event loop had work, since the thread began. */
  readonly busySeconds: number;
}

/** What keeps a log on a worker of its own, on the answering node. */
export interface IsolationStatus {
  /** Workers that ended with it in the last ten minutes. */
  readonly deaths: number;
  /** Why the last of them ended. */
  readonly reason: string;
  /** False while it is one of several suspects. */
  readonly known: boolean;
  /** Milliseconds until it is tried again; undefined while it runs or has only its turn to wait for. */
  readonly retryInMs: number | undefined;
}

export interface NodeStatus {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  readonly reachable: boolean;
  /** Process id on its machine, when it is known. */
  readonly pid: number | undefined;
  /** Why the link to it is closed, when it is. */
  readonly reason: string | undefined;
  /** Undefined for one whose clock was not heard of in the last ten seconds. */
  readonly clock: NodeClock | undefined;
}

/** A node's clock as the answering node sees it. */
export interface NodeClock {
  /** What it shows minus what the clock of the answering node does, in ms. */
  readonly offsetMs: number;
  /** The offset may be wrong by so much. */
  readonly uncertaintyMs: number;
  /** It is further from the median of all than `clock.maxSkew`. */
  readonly off: boolean;
}

/** The clock of the answering node. */
export interface ClockStatus {
  /**
   * `agreed`: it keeps to the median of those that are heard of. `off`: most others contradict it. `disputed`: no majority agrees. `alone`:
   * nobody else is heard of, so nobody can know. `jumped`: it has left the monotonic clock, and nobody can confirm that.
   */
  readonly state: "agreed" | "off" | "disputed" | "alone" | "jumped";
  /** Records are stamped with another time than this clock shows. */
  readonly held: boolean;
  /** What records are stamped with minus what the clock shows, in ms. */
  readonly stampOffsetMs: number;
  /** How far the clock is ahead of the median, in ms; undefined where no majority agrees. */
  readonly offsetMs: number | undefined;
  readonly uncertaintyMs: number | undefined;
}

export interface LogStatus {
  readonly name: string;
  readonly leader: string | undefined;
  readonly term: number;
  /** Leaders that came since the answering node began, one a term, as far as it has heard. */
  readonly elections: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Of the last entry that the answering node has, committed or not. */
  readonly lastIndex: number;
  readonly lastSeq: number;
  /** Chain hash of the last stored entry of the answering node, in hex. */
  readonly headHash: string | undefined;
  readonly replicas: readonly ReplicaStatus[];
  /** Bytes admitted and not yet committed on the answering node. */
  readonly pendingBytes: number;
  /** Writes that the answering node has flushed since it opened the log. */
  readonly flushes: number;
  /** Attachments that could not be handed over, as a follower or to one, since the log was opened here; each is tried again. */
  readonly blobsNotSaved: number;
  /** Set when the replica of the answering node stands still: what parts it from another member. */
  readonly diverged: DivergenceInfo | undefined;
  /** The latest one that was made for the log. */
  readonly decision: DecisionInfo | undefined;
  /** How often the answering node has handed the log over because its clock is wrong, since it opened the log. */
  readonly clockHandOvers: number;
  /** Set while the log is isolated on the answering node. */
  readonly isolation: IsolationStatus | undefined;
}

export interface ReplicaStatus {
  readonly node: string;
  readonly role: "leader" | "follower" | "candidate" | "learner" | "unknown";
  /** Known on the leader only. */
  readonly matchIndex: number | undefined;
  /** Names of the reasons for which the replica's data link is paused. */
  readonly paused: readonly string[];
  /** What the answering node has sent to it, as a leader, since it opened the log; undefined if nothing. */
  readonly sent: SentMessages | undefined;
}

/** How often a value was at most so much, by that bound, as text; `+Inf` counts all. */
export interface SentDistribution {
  readonly upTo: Readonly<Record<string, number>>;
  readonly sum: number;
}

/** The AppendEntries messages that a leader has sent to one follower. */
export interface SentMessages {
  /** How often a message was cut short, by the limit that cut it: `entries`, `bytes` or `credit`. */
  readonly cuts: Readonly<Record<string, number>>;
  /** Entries of a message that has some. */
  readonly entries: SentDistribution;
  /** Their bytes, as the limit counts them. */
  readonly bytes: SentDistribution;
}

export interface NodeHealth {
  /** False: restart the process. */
  readonly live: boolean;
  /** False: send no requests now. */
  readonly ready: boolean;
  readonly reasons: readonly string[];
}
