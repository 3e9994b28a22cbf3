import { RaftCore } from "@annals/raft";
import type { AppendTicket, LogIndex, MemberId } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import { Appender } from "./appender.ts";
import { GroupDesk } from "./groupDesk.ts";
import { HistoryGuard } from "./historyGuard.ts";
import type { ReplicaOptions } from "./options.ts";
import { PeerDoor } from "./peerMessages.ts";
import { raftConfig } from "./raftConfig.ts";
import { ReadBarrier } from "./readBarrier.ts";
import { ReplicaGauges } from "./replicaGauges.ts";
import { lonelyClock } from "./stampClock.ts";
import { StateMachine } from "./stateMachine.ts";
import { Steering } from "./steering.ts";
import { Writer } from "./writer.ts";

/** What the parts of a replica want of it. Called in its turns, or to begin one. */
interface ReplicaHooks {
  readonly leader: () => MemberId;
  readonly command: (data: Uint8Array) => Promise<LogIndex>;
  readonly onDurable: (tickets: readonly AppendTicket[]) => void;
  readonly onStorageError: (error: AnnalsError) => void;
  /** Another history is proven: nothing more may be acknowledged. */
  readonly onDiverged: () => void;
  readonly onBroken: (error: unknown) => void;
}

interface ReplicaParts {
  readonly core: RaftCore;
  readonly machine: StateMachine;
  readonly gauges: ReplicaGauges;
  readonly appender: Appender;
  readonly writer: Writer;
  readonly reads: ReadBarrier;
  readonly history: HistoryGuard;
  readonly door: PeerDoor;
  readonly steering: Steering;
  readonly groups: GroupDesk;
}

/** Makes the parts of a replica and joins them. */
export function replicaParts(options: ReplicaOptions, hooks: ReplicaHooks): ReplicaParts {
  const { config, store, clock } = options;
  const stamps = options.stamps ?? lonelyClock(clock);
  const core: RaftCore = new RaftCore(
    raftConfig(options, () => machine, stamps),
    store,
  );
  const machine = new StateMachine({
    store,
    maxProducers: config.maxProducers,
    applyMembership: (change) => core.applyMembership(change),
    onCommand: options.events.onCommand,
  });
  const gauges = new ReplicaGauges(config, options.ledger);
  const appender = new Appender({ gauges, core, machine, stamps, replica: options });
  const writer = new Writer({
    store,
    gauges,
    now: () => clock.now(),
    takeApplied: () => machine.takeUpdate(),
    restoreApplied: (update) => machine.restoreUpdate(update),
    onDurable: hooks.onDurable,
    onError: hooks.onStorageError,
  });
  const reads = new ReadBarrier(
    (context) => core.readIndex(context),
    (n) => options.randomBelow(n),
  );
  const history = new HistoryGuard(core, options, {
    onProven: hooks.onDiverged,
    onError: hooks.onBroken,
  });
  const door = new PeerDoor(
    core,
    options,
    (from, index) => history.suspect(from, index),
    () => writer.refusal === undefined,
  );
  const steering = new Steering({
    self: options.self,
    core,
    accepting: () => appender.accepting,
    appliedIndex: () => machine.appliedIndex,
    stamps,
    nodeOf: options.nodeOf ?? (() => undefined),
    onClockHandOver: (to) => options.events.onClockHandOver?.(to),
  });
  const groups = new GroupDesk({
    table: machine.groups,
    propose: hooks.command,
    assertLeading: () => appender.assertAccepting(hooks.leader()),
    appliedSeq: () => machine.appliedSeq,
    now: () => clock.now(),
    leaseMs: config.groupLeaseMs,
  });
  return {
    core,
    machine,
    gauges,
    appender,
    writer,
    reads,
    history,
    door,
    steering,
    groups,
  };
}
