import { asMemberId } from "@annals/raft";
import type { MembershipState } from "@annals/raft";
import { Bounds } from "../checkers/bounds.ts";
import { ChainIntact } from "../checkers/chainIntact.ts";
import type { Checker } from "../checkers/checker.ts";
import { CommittedLog } from "../checkers/committedLog.ts";
import { DurabilityLedger } from "../checkers/durabilityLedger.ts";
import { ElectionSafety } from "../checkers/electionSafety.ts";
import { FailStop } from "../checkers/failStop.ts";
import { FreshReads } from "../checkers/freshReads.ts";
import { LeaderCompleteness } from "../checkers/leaderCompleteness.ts";
import { LogMatching } from "../checkers/logMatching.ts";
import { LogOracle } from "../checkers/logOracle.ts";
import { Monotonic } from "../checkers/monotonic.ts";
import { OneVote } from "../checkers/oneVote.ts";
import { OwnTermCommit } from "../checkers/ownTermCommit.ts";
import { Receipts } from "../checkers/receipts.ts";
import { StateMachineSafety } from "../checkers/stateMachineSafety.ts";
import { SimulatedReplica } from "./simulatedReplica.ts";
import type { SimulatedNode } from "./simulatedNode.ts";
import type { World } from "./world.ts";

/** Bytes that the header of a batch adds to its records, at most, and then some. */
const BATCH_HEAD_BYTES = 10_000;

/** One replicated log: its replicas, one a node, and everything that watches them. */
export class LogUnderTest {
  readonly number: number;
  readonly world: World;
  readonly replicas: readonly SimulatedReplica[];
  readonly committed: CommittedLog = new CommittedLog();
  readonly oracle: LogOracle;
  readonly ledger: DurabilityLedger;
  readonly elections: ElectionSafety;
  readonly reads: FreshReads;
  readonly receipts: Receipts;
  readonly bounds: Bounds;
  readonly checkers: readonly Checker[];

  constructor(number: number, world: World, nodes: readonly SimulatedNode[]) {
    this.number = number;
    this.world = world;
    const { report, plan } = world;
    const { recordsMax, recordBytesMax } = plan.clients;
    const itemBytes = Math.max(recordsMax * recordBytesMax, plan.config.batch.maxBytes);
    this.oracle = new LogOracle(report);
    this.reads = new FreshReads(report, this.committed);
    this.receipts = new Receipts(report);
    this.elections = new ElectionSafety(report);
    this.bounds = new Bounds(report, plan.config, itemBytes + BATCH_HEAD_BYTES);
    this.replicas = nodes.map((node) => new SimulatedReplica(this, node, membershipOf(nodes)));
    this.ledger = new DurabilityLedger(report, this.replicas, this.committed);
    this.checkers = [
      this.elections,
      new OneVote(report),
      new LogMatching(report),
      new ChainIntact(report),
      new OwnTermCommit(report),
      new Monotonic(report, this.committed),
      new LeaderCompleteness(report, this.committed, this.elections),
      new StateMachineSafety(report, this.committed, (slot) => this.oracle.committed(slot)),
      new FailStop(report),
      this.ledger,
      this.receipts,
    ];
    nodes.forEach((node, index) => {
      const replica = this.replicas[index];
      if (replica !== undefined) node.replicas.push(replica);
    });
  }
}

function membershipOf(nodes: readonly SimulatedNode[]): MembershipState {
  return {
    voters: nodes.map(({ id }) => asMemberId(id)),
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
}
