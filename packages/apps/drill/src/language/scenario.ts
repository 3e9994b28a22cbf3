/** A limit such as `budget + 64MiB` or `cap + item`: the sum of its terms. */
export interface Limit {
  /** As it was written. */
  readonly text: string;
  readonly words: readonly LimitWord[];
  /** What is added to the words: bytes, or a count. */
  readonly amount: number;
}

/** What only the running cluster knows: the printed worst case of a node, and the cap and item of a gauge. */
export type LimitWord = "budget" | "cap" | "item";

/** A node by its id, or by what it is when it is first named: `leader`, `follower`, `follower2` … */
export type NodeRef = string;
export type NodeRefs = readonly NodeRef[];

/** What a kind of reason to pause is called in the status. */
export const PAUSE_REASONS = [
  "event-queue",
  "commit-backlog",
  "worker-lane",
  "worker-budget",
  "blob",
] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

/** Records that one producer appends to each of some logs, in batches. */
export interface AppendPlan {
  /** The logs, or all of them; the first one of the scenario if none is named. */
  readonly logs: readonly string[] | "all" | undefined;
  /** Of each log; undefined: until it is ended. */
  readonly batches: number | undefined;
  /** Records in a batch. */
  readonly records: number;
  /** Bytes of each record as JSON. */
  readonly bytes: number;
  /** Batches on their way at a time, in each log. */
  readonly inFlight: number;
  /** Records a second of each log; undefined: as fast as it goes. */
  readonly rate: number | undefined;
  /** The node that is asked; undefined: any. */
  readonly to: NodeRef | undefined;
}

export interface BlobPlan {
  readonly log: string | undefined;
  readonly count: number;
  readonly bytes: number;
  readonly inFlight: number;
}

/** One condition to wait for. Times are in milliseconds everywhere. */
export interface WaitBodies {
  /** These nodes, or all that run, hold the same log to the last hash, with everything that was acknowledged. */
  readonly converged: true | NodeRefs;
  /** The node has applied everything that was acknowledged until now. */
  readonly caughtUp: NodeRefs;
  /** Every log has a leader that some node knows. */
  readonly leader: true;
  /** The node serves. */
  readonly ready: NodeRefs;
  /** The node has applied so many records more than when it was last looked at before this step. */
  readonly progress: { readonly node: NodeRef; readonly records: number };
  readonly gauge: { readonly name: string; readonly node: NodeRef; readonly atLeast: number };
  readonly pauses: {
    readonly reason: PauseReason;
    readonly node: NodeRef;
    readonly atLeast: number;
  };
  readonly logLine: { readonly node: NodeRef; readonly matches: string };
  /** The node says in its status that something is wrong, in these words. */
  readonly reason: { readonly node: NodeRef; readonly matches: string };
  readonly workerDeaths: { readonly node: NodeRef; readonly atLeast: number };
  /** A command of annals, run again and again, prints what matches. */
  readonly prints: Printed;
}

/** What a command of annals prints; `{here}` in its words is where the drill was started. */
export interface Printed {
  readonly run: readonly string[];
  readonly matches: string;
}

export type WaitCondition = {
  readonly [Kind in keyof WaitBodies]: { readonly kind: Kind; readonly body: WaitBodies[Kind] };
}[keyof WaitBodies];

export interface StepBodies {
  readonly start: NodeRefs;
  /** SIGTERM, which must end with 0. */
  readonly stop: NodeRefs;
  /** SIGKILL. */
  readonly kill: NodeRefs;
  /** SIGSTOP; thawed again after `for`, if it is said. */
  readonly freeze: { readonly node: NodeRef; readonly for: number | undefined };
  readonly thaw: NodeRefs;
  /** The node loses its disk: killed, emptied, started again. */
  readonly wipe: NodeRefs;
  /** The kernel forgets what it keeps of the files of nodes that are down. */
  readonly coldCache: NodeRefs;
  /** Nothing passes between nodes of different groups; with `oneWay` only from the first group to the others. */
  readonly partition: { readonly between: readonly NodeRefs[]; readonly oneWay: boolean };
  /** Everything to and from a node comes later, slower, or after a repetition. */
  readonly slowLinks: {
    readonly node: NodeRef;
    readonly delay: number | undefined;
    readonly bytesPerSecond: number | undefined;
    readonly loss: number | undefined;
  };
  /** Cuts every connection of a node with RST. */
  readonly resetLinks: NodeRefs;
  /** Ends every partition and every slow link. */
  readonly heal: true;
  /** Every write and flush takes longer, or only so many bytes a second are written; of all files, or of blobs only. */
  readonly slowDisk: {
    readonly node: NodeRef;
    readonly delay: number | undefined;
    readonly bytesPerSecond: number | undefined;
    readonly files: "all" | "blobs";
  };
  readonly diskRecovers: NodeRefs;
  /** A worker thread ends: the one that has the log, or any. */
  readonly killWorker: { readonly node: NodeRef; readonly log: string | undefined };
  /** From now on the log ends every worker of the node that it is given to. */
  readonly poison: { readonly node: NodeRef; readonly log: string };
  readonly cure: NodeRefs;
  readonly transfer: { readonly to: NodeRef; readonly log: string | undefined };
  readonly append: AppendPlan;
  /** Appends beside the next steps, until `endLoad`. */
  readonly load: AppendPlan & { readonly name: string };
  readonly endLoad: string;
  /** Uploads blobs and appends a record that names each. */
  readonly blobs: BlobPlan;
  /** A command of annals begins, beside the next steps, in the directory of the drill; `{here}` is where the drill was started. */
  readonly program: { readonly name: string; readonly run: readonly string[] };
  /** It ends by itself, with 0. */
  readonly finish: string;
  /** SIGTERM, which must end it with 0. */
  readonly endProgram: string;
  /** SIGKILL. */
  readonly killProgram: string;
  readonly waitFor: { readonly condition: WaitCondition; readonly within: number };
  readonly wait: number;
  readonly repeat: { readonly times: number; readonly steps: readonly Step[] };
}

export type StepKind = keyof StepBodies;

/** One of several kinds, each with its body. */
type Written<Bodies> = {
  readonly [Kind in keyof Bodies]: {
    readonly kind: Kind;
    readonly body: Bodies[Kind];
    /** As it was written, on one line. */
    readonly text: string;
  };
}[keyof Bodies];

export type Step = Written<StepBodies>;

export interface ExpectationBodies {
  /**
   * Every node shows, from its own copy, the same bytes at the same positions: exactly the records that were acknowledged, each once, in
   * the order of its producer, where the answer said.
   */
  readonly converged: true;
  /** Anonymous memory of the process (RssAnon) over what it had when the cluster was idle, at its peak. */
  readonly peakRssOverIdle: { readonly node: NodeRef | undefined; readonly atMost: Limit };
  /** The median of anonymous memory in the last third of the samples is at most so much above that of the first third. */
  readonly rssGrowth: { readonly node: NodeRef | undefined; readonly atMostPercent: number };
  /** The most that a single one of these queues held. */
  readonly peak: {
    readonly gauge: string;
    readonly node: NodeRef | undefined;
    readonly atMost: Limit;
  };
  readonly pauses: {
    readonly reason: PauseReason;
    readonly node: NodeRef | undefined;
    readonly atLeast: number;
    readonly atMost: number | undefined;
  };
  /** No link is paused at the end. */
  readonly pausesReleased: true;
  /** Terms begun after the first leaders, those that the scenario asked for apart; at most so many. */
  readonly elections: number;
  readonly logLine: {
    readonly node: NodeRef | undefined;
    readonly matches: string;
    readonly atLeast: number;
  };
  readonly noLogLine: string;
  readonly workerDeaths: {
    readonly node: NodeRef;
    readonly atLeast: number;
    readonly atMost: number | undefined;
  };
  /** Logs were handed to other workers, no two of them within the interval. */
  readonly reassignments: {
    readonly node: NodeRef;
    readonly spacedBy: number;
    readonly atLeast: number;
  };
  /** No log was handed over that was not with a worker that died. */
  readonly onlyOrphansMoved: NodeRef;
  /** At each start the node had all entries that it was seen to have applied before, and those were more each time. */
  readonly resumesLater: NodeRef;
  /** From the end of the first fault to the next acknowledgement. */
  readonly timeToFirstCommit: { readonly atMost: number };
  /** Links from peers that this node ended, by the code of the reason. */
  readonly linkFaults: {
    readonly node: NodeRef | undefined;
    readonly code: string;
    readonly atMost: number;
  };
  readonly prints: Printed;
}

export type Expectation = Written<ExpectationBodies>;

/** How long a scenario takes: `short` ones run with the tests, `long` ones only when they are asked for. */
export const SIZES = ["short", "medium", "long"] as const;
export type ScenarioSize = (typeof SIZES)[number];

/** A drill as its file describes it, checked. */
export interface Scenario {
  readonly name: string;
  readonly file: string;
  readonly size: ScenarioSize;
  /** Rows of docs/bounds.md that it shows. */
  readonly proves: readonly string[];
  readonly nodes: readonly string[];
  readonly logs: readonly string[];
  /** Merged into every node's configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly steps: readonly Step[];
  readonly expect: readonly Expectation[];
}
