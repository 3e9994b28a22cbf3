import {
  BlobsPrecede,
  Bounds,
  ChainIntact,
  CommandOracle,
  CommittedLog,
  Configurations,
  DurabilityLedger,
  ElectionSafety,
  FailStop,
  FreshReads,
  GroupOracle,
  LaneHolders,
  LeaderCompleteness,
  LogMatching,
  LogOracle,
  Monotonic,
  NoStorm,
  OneVote,
  OwnTermCommit,
  QuorumContact,
  Receipts,
  Recovery,
  Repairs,
  StandsStill,
  StateMachineSafety,
  Tails,
} from "@annals/check";
import type { Checker } from "@annals/check";
import { asIndex } from "@annals/raft";
import type { MemberId, MembershipState } from "@annals/raft";
import type { Replica, ReplicaStatus } from "@annals/replica";
import { RareStates } from "../rareStates/rareStates.ts";
import { SimulatedReplica } from "./simulatedReplica.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Host, Member } from "../world/machine.ts";
import type { Log, Reader, TailConsumer } from "../world/log.ts";

/** Bytes that the header of a batch adds to its records, at most, and then some. */
const BATCH_HEAD_BYTES = 10_000;

/** One replicated log: its replicas, one a node, and everything that watches them. */
export class LogUnderTest implements Log {
  readonly number: number;
  readonly world: Cluster;
  readonly configurations: Configurations;
  readonly #replicas: SimulatedReplica[] = [];
  readonly #born: MembershipState;
  readonly committed: CommittedLog = new CommittedLog();
  readonly oracle: LogOracle;
  readonly ledger: DurabilityLedger;
  readonly elections: ElectionSafety;
  readonly reads: FreshReads;
  readonly receipts: Receipts;
  readonly tails: Tails;
  readonly commands: CommandOracle;
  readonly groups: GroupOracle;
  readonly holders: LaneHolders;
  readonly tailClients: TailConsumer[] = [];
  readonly readClients: Reader[] = [];
  readonly bounds: Bounds;
  readonly rareStates: RareStates;
  /** Learns first what is committed. */
  readonly committing: StateMachineSafety;
  readonly checkers: readonly Checker[];

  constructor(number: number, world: Cluster, voters: readonly MemberId[]) {
    this.number = number;
    this.world = world;
    const { report, plan } = world;
    const { recordsMax, recordBytesMax } = plan.clients;
    const itemBytes = Math.max(recordsMax * recordBytesMax, plan.config.batch.maxBytes);
    this.oracle = new LogOracle(report);
    this.reads = new FreshReads(report, this.committed);
    this.receipts = new Receipts(report);
    this.tails = new Tails(report, this.committed);
    this.commands = new CommandOracle(report);
    this.holders = new LaneHolders(plan.config.groupLeaseMs);
    this.groups = new GroupOracle(report, this.holders);
    this.elections = new ElectionSafety(report);
    this.bounds = new Bounds(report, plan.config, itemBytes + BATCH_HEAD_BYTES);
    this.#born = bornWith(voters);
    this.configurations = new Configurations(report, this.#replicas, this.#born);
    this.ledger = new DurabilityLedger(report, this.#replicas, this.committed, this.configurations);
    this.committing = new StateMachineSafety(report, this.committed, (slot) => {
      this.oracle.committed(slot);
      this.commands.committed(slot);
      this.groups.committed(slot);
      this.configurations.committed(slot);
    });
    this.rareStates = new RareStates((state, node) => world.journal.note(state, node, number, 0));
    this.checkers = [
      this.rareStates,
      this.elections,
      new OneVote(report),
      new LogMatching(report),
      new ChainIntact(report),
      new OwnTermCommit(report),
      new Monotonic(report, this.committed),
      new LeaderCompleteness(report, this.committed, this.elections),
      this.committing,
      this.configurations,
      new FailStop(report),
      new StandsStill(report),
      new NoStorm(report, () => world.scheduler.nowUs),
      ...(plan.blobs.chance > 0 ? [new BlobsPrecede(report)] : []),
      new QuorumContact(report, world),
      new Recovery(report),
      new Repairs(report, this.committed),
      this.ledger,
      this.receipts,
    ];
  }

  /** One for every machine that there ever was, by its number. */
  get replicas(): readonly SimulatedReplica[] {
    return this.#replicas;
  }

  /** A machine joins: its disk is empty but for what the log was born with. */
  addReplica(host: Host): SimulatedReplica {
    const replica = new SimulatedReplica(this, host, this.#born);
    this.#replicas.push(replica);
    return replica;
  }

  /** A turn of a replica has ended. */
  turned(target: Member, replica: Replica): void {
    const status = replica.status();
    const { term, commitIndex, lastIndex, applied } = status.raft;
    const value = term * 2 ** 20 + commitIndex + lastIndex * 31;
    this.world.journal.note("turn", target.node, this.number, value);
    for (const checker of this.checkers) checker.turned?.(target, status.raft);
    this.bounds.turned(target, status);
    this.world.trueTime.turned(target, status);
    this.groups.turned(target, applied, replica.groups.views());
  }

  /** What a replica applied and answered in the very turn in which it failed counts, though the core was not told any more. */
  turnedLast(target: Member, { raft, appliedSeq }: ReplicaStatus): void {
    const answered = target.view.stored.indexOfSeq(appliedSeq) ?? 0;
    const applied = asIndex(Math.max(raft.applied, appliedSeq > 0 ? answered : 0));
    this.committing.turned(target, { ...raft, applied });
  }
}

function bornWith(voters: readonly MemberId[]): MembershipState {
  return {
    voters,
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
}
