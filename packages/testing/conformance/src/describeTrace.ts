import { assertNever, type Trace } from "@annals/raft";
import {
  describeChange,
  describeConfState,
  describeMembership,
  describeProgress,
  describeRole,
  hex,
  messageType,
} from "./describe.ts";
import type { Level } from "./output.ts";

/** A log line of the reference implementation. */
export interface LogLine {
  readonly level: Level;
  readonly text: string;
}

/** The log lines by which the reference implementation would have told of an event at member `self`. */
export function describeTrace(self: number, trace: Trace): readonly LogLine[] {
  const id = hex(self);
  return tell(id, trace);
}

type Of<Kind extends Trace["kind"]> = Trace & { readonly kind: Kind };

type Teller<Kind extends Trace["kind"]> = (id: string, trace: Of<Kind>) => readonly LogLine[];

/** Looks an event up in the table and tells it. */
function tell<Kind extends Trace["kind"]>(id: string, trace: Of<Kind>): readonly LogLine[] {
  return TELLERS[trace.kind](id, trace);
}

/** Log lines that tell of an event, by its kind. */
const TELLERS: { readonly [Kind in Trace["kind"]]: Teller<Kind> } = {
  started: (id, trace) => {
    const peers = trace.voters.map(hex).join(",");
    return info(
      `newRaft ${id} [peers: [${peers}], term: ${trace.term}, commit: ${trace.commitIndex}, ` +
        `applied: ${trace.applied}, lastindex: ${trace.lastIndex}, lastterm: ${trace.lastTerm}]`,
    );
  },
  becameFollower: (id, trace) => info(`${id} became follower at term ${trace.term}`),
  becamePreCandidate: (id, trace) => info(`${id} became pre-candidate at term ${trace.term}`),
  becameCandidate: (id, trace) => info(`${id} became candidate at term ${trace.term}`),
  becameLeader: (id, trace) => info(`${id} became leader at term ${trace.term}`),
  campaignRefused,
  electionStarted: (id, trace) => info(`${id} is starting a new election at term ${trace.term}`),
  voteRequested: (id, trace) =>
    info(
      `${id} [logterm: ${trace.lastTerm}, index: ${trace.lastIndex}] sent ${voteType(trace.vote)} ` +
        `request to ${hex(trace.to)} at term ${trace.term}`,
    ),
  voteReceived: (id, trace) => {
    const what = trace.granted ? "" : " rejection";
    return info(
      `${id} received ${voteType(trace.vote)}Resp${what} from ${hex(trace.from)} ` +
        `at term ${trace.term}`,
    );
  },
  votesTallied: (id, trace) =>
    info(
      `${id} has received ${trace.granted} ${voteType(trace.vote)}Resp votes and ` +
        `${trace.rejected} vote rejections`,
    ),
  voteCast: vote,
  voteRejected: vote,
  voteIgnored: vote,
  termRaised: (id, trace) =>
    info(
      `${id} [term: ${trace.oldTerm}] received a ${messageType(trace.by)} message ` +
        `with higher term from ${hex(trace.from)} [term: ${trace.term}]`,
    ),
  staleMessage: (id, trace) =>
    info(
      `${id} [term: ${trace.term}] ignored a ${messageType(trace.message)} message ` +
        `with lower term from ${hex(trace.from)} [term: ${trace.messageTerm}]`,
    ),
  quorumLost: (id) => warn(`${id} stepped down to follower since quorum is not active`),
  leaderForgotten: (id, trace) =>
    info(`${id} forgetting leader ${hex(trace.leader)} at term ${trace.term}`),
  forgetLeaderRefused: () => [
    { level: "ERROR", text: "ignoring MsgForgetLeader due to ReadOnlyLeaseBased" },
  ],
  transferStarted: transfer,
  transferRepeated: transfer,
  transferAborted: transfer,
  transferRefused: transfer,
  timeoutNowSent: transfer,
  timeoutNowReceived: transfer,
  timeoutNowIgnored: transfer,
  appendRejected: (id, trace) =>
    debug(
      `${id} [logterm: ${trace.ownTerm}, index: ${trace.index}] rejected MsgApp ` +
        `[logterm: ${trace.term}, index: ${trace.index}] from ${hex(trace.from)}`,
    ),
  rejectionReceived: (id, trace) =>
    debug(
      `${id} received MsgAppResp(rejected, hint: (index ${trace.hintIndex}, term ` +
        `${trace.hintTerm})) from ${hex(trace.from)} for index ${trace.index}`,
    ),
  progressDecreased: (id, trace) =>
    debug(
      `${id} decreased progress of ${hex(trace.progress.member)} to [${describeProgress(trace.progress)}]`,
    ),
  memberUnreachable: (id, trace) =>
    debug(
      `${id} failed to send message to ${hex(trace.progress.member)} because it ` +
        `is unreachable [${describeProgress(trace.progress)}]`,
    ),
  memberUnknown: (id, trace) => debug(`${id} no progress available for ${hex(trace.member)}`),
  conflictFound: (_id, trace) =>
    info(
      `found conflict at index ${trace.index} [existing term: ${trace.existing}, ` +
        `conflicting term: ${trace.conflicting}]`,
    ),
  unstableReplaced: (_id, trace) => info(`replace the unstable entries from index ${trace.index}`),
  unstableTruncated: (_id, trace) =>
    info(`truncate the unstable entries before index ${trace.index}`),
  stableMissing: (_id, trace) =>
    info(`entry at index ${trace.index} missing from unstable log; ignoring`),
  stableIsSnapshot: (_id, trace) =>
    info(`entry at index ${trace.index} matched unstable snapshot; ignoring`),
  stableMismatch: (_id, trace) =>
    info(
      `entry at (index,term)=(${trace.index},${trace.term}) mismatched with entry ` +
        `at (${trace.index},${trace.found}) in unstable log; ignoring`,
    ),
  staleAppendDone: (id, trace) =>
    info(
      `${id} [term: ${trace.term}] ignored entry appends from a MsgStorageAppendResp ` +
        `message with lower term [term: ${trace.ticketTerm}]`,
    ),
  snapshotSkipped: snapshotForFollower,
  snapshotSent: snapshotForFollower,
  snapshotRecovered: snapshotForFollower,
  snapshotReported: snapshotForFollower,
  restoreStarted: snapshot,
  snapshotRestored: snapshot,
  snapshotFastForwarded: snapshot,
  snapshotTaken: snapshot,
  snapshotIgnored: snapshot,
  snapshotForeign: snapshot,
  proposalDropped,
  readDropped: (id, trace) =>
    info(`${id} no leader at term ${trace.term}; dropping index reading msg`),
  changeRefused,
  membershipSwitched: (id, trace) =>
    info(`${id} switched to configuration ${describeMembership(trace.membership)}`),
  autoLeaveProposed: (_id, trace) =>
    info(
      `initiating automatic transition out of joint configuration ${describeMembership(trace.membership)}`,
    ),
  autoLeaveDropped: (_id, trace) =>
    debug(
      `not initiating automatic transition out of joint configuration ${describeMembership(trace.membership)}: ` +
        `raft proposal dropped`,
    ),
  rolledBack: (id, trace) =>
    warn(`${id} ends at ${trace.lastIndex}, it acknowledged ${trace.acknowledgedIndex}`),
  filled: (id, trace) => info(`${id} holds the copy of ${trace.kept} up to ${trace.index}`),
  tracesDropped: (id, trace) => warn(`${id} dropped ${trace.count} traces`),
};

function campaignRefused(id: string, trace: Of<"campaignRefused">): readonly LogLine[] {
  switch (trace.reason) {
    case "leader":
      return debug(`${id} ignoring MsgHup because already leader`);
    case "unpromotable":
      return warn(`${id} is unpromotable and can not campaign`);
    case "pendingChange":
      return warn(
        `${id} cannot campaign at term ${trace.term} since there are still pending ` +
          `configuration changes to apply`,
      );
    default:
      return assertNever(trace.reason);
  }
}

function vote(
  id: string,
  trace: Extract<Trace, { candidateLastIndex: unknown }>,
): readonly LogLine[] {
  const scene = `${id} [logterm: ${trace.lastTerm}, index: ${trace.lastIndex}, vote: ${hex(trace.votedFor)}]`;
  const candidate =
    `${hex(trace.candidate)} [logterm: ${trace.candidateLastTerm}, index: ${trace.candidateLastIndex}] ` +
    `at term ${trace.term}`;
  const type = voteType(trace.vote);
  if (trace.kind === "voteCast") return info(`${scene} cast ${type} for ${candidate}`);
  if (!("remainingTicks" in trace)) return info(`${scene} rejected ${type} from ${candidate}`);
  return info(
    `${scene} ignored ${type} from ${candidate}: lease is not expired (remaining ` +
      `ticks: ${trace.remainingTicks})`,
  );
}

function transfer(
  id: string,
  trace: Of<
    | "transferStarted"
    | "transferRepeated"
    | "transferAborted"
    | "transferRefused"
    | "timeoutNowSent"
    | "timeoutNowReceived"
    | "timeoutNowIgnored"
  >,
): readonly LogLine[] {
  switch (trace.kind) {
    case "transferStarted":
      return info(`${id} [term ${trace.term}] starts to transfer leadership to ${hex(trace.to)}`);
    case "transferRepeated":
      return info(
        `${id} [term ${trace.term}] transfer leadership to ${hex(trace.to)} is in ` +
          `progress, ignores request to same node ${hex(trace.to)}`,
      );
    case "transferAborted":
      return info(
        `${id} [term ${trace.term}] abort previous transferring leadership to ${hex(trace.to)}`,
      );
    case "transferRefused":
      if (trace.reason === "learner") {
        return debug(`${id} is learner. Ignored transferring leadership`);
      }
      return trace.reason === "self"
        ? debug(`${id} is already leader. Ignored transferring leadership to self`)
        : info(`${id} no leader at term ${trace.term}; dropping leader transfer msg`);
    case "timeoutNowSent": {
      const to = hex(trace.to);
      return trace.caughtUp
        ? info(`${id} sent MsgTimeoutNow to ${to} after received MsgAppResp`)
        : info(
            `${id} sends MsgTimeoutNow to ${to} immediately as ${to} already has up-to-date log`,
          );
    }
    case "timeoutNowReceived":
      return info(
        `${id} [term ${trace.term}] received MsgTimeoutNow from ${hex(trace.from)} ` +
          `and starts an election to get leadership.`,
      );
    case "timeoutNowIgnored":
      return debug(
        `${id} [term ${trace.term} state ${describeRole(trace.role)}] ignored MsgTimeoutNow ` +
          `from ${hex(trace.from)}`,
      );
    default:
      return assertNever(trace);
  }
}

/** Tells of a snapshot at the leader that sends it. */
function snapshotForFollower(
  id: string,
  trace: Of<"snapshotSkipped" | "snapshotSent" | "snapshotRecovered" | "snapshotReported">,
): readonly LogLine[] {
  switch (trace.kind) {
    case "snapshotSkipped": {
      const to = hex(trace.to);
      return trace.reason === "inactive"
        ? debug(`ignore sending snapshot to ${to} since it is not recently active`)
        : debug(
            `${id} failed to send snapshot to ${to} because snapshot is temporarily unavailable`,
          );
    }
    case "snapshotSent": {
      const to = hex(trace.before.member);
      return [
        ...debug(
          `${id} [firstindex: ${trace.firstIndex}, commit: ${trace.commitIndex}] sent ` +
            `snapshot${place(trace)} to ${to} [${describeProgress(trace.before)}]`,
        ),
        ...debug(
          `${id} paused sending replication messages to ${to} [${describeProgress(trace.after)}]`,
        ),
      ];
    }
    case "snapshotRecovered":
      return debug(
        `${id} recovered from needing snapshot, resumed sending replication messages ` +
          `to ${hex(trace.progress.member)} [${describeProgress(trace.progress)}]`,
      );
    case "snapshotReported":
      return debug(
        `${id} snapshot ${trace.ok ? "succeeded" : "failed"}, resumed sending replication ` +
          `messages to ${hex(trace.progress.member)} [${describeProgress(trace.progress)}]`,
      );
    default:
      return assertNever(trace);
  }
}

/** Tells of a snapshot at the member that takes it. */
function snapshot(
  id: string,
  trace: Of<
    | "restoreStarted"
    | "snapshotRestored"
    | "snapshotFastForwarded"
    | "snapshotTaken"
    | "snapshotIgnored"
    | "snapshotForeign"
  >,
): readonly LogLine[] {
  switch (trace.kind) {
    case "restoreStarted":
      return info(
        `log [committed=${trace.committed}, applied=${trace.applied}, applying=${trace.applying}, ` +
          `unstable.offset=${trace.unstableOffset}, unstable.offsetInProgress=${trace.unstableHandedTo}, ` +
          `len(unstable.Entries)=${trace.unstableCount}] starts to restore snapshot ` +
          place(trace),
      );
    case "snapshotRestored":
    case "snapshotFastForwarded": {
      const what = trace.kind === "snapshotRestored" ? "restored" : "fast-forwarded commit to";
      return info(
        `${id} [commit: ${trace.commitIndex}, lastindex: ${trace.lastIndex}, lastterm: ` +
          `${trace.lastTerm}] ${what} snapshot ${place(trace)}`,
      );
    }
    case "snapshotTaken":
    case "snapshotIgnored": {
      const what = trace.kind === "snapshotTaken" ? "restored" : "ignored";
      return info(`${id} [commit: ${trace.commitIndex}] ${what} snapshot ${place(trace)}`);
    }
    case "snapshotForeign":
      return warn(
        `${id} attempted to restore snapshot but it is not in the ConfState ${describeConfState(trace.meta.membership)}; ` +
          `should never happen`,
      );
    default:
      return assertNever(trace);
  }
}

function proposalDropped(id: string, trace: Of<"proposalDropped">): readonly LogLine[] {
  switch (trace.reason) {
    case "noLeader":
      return info(`${id} no leader at term ${trace.term}; dropping proposal`);
    case "forwardingDisabled":
      return info(
        `${id} not forwarding to leader ${hex(trace.other)} at term ${trace.term}; ` +
          `dropping proposal`,
      );
    case "transferring":
      return debug(
        `${id} [term ${trace.term}] transfer leadership to ${hex(trace.other)} is ` +
          `in progress; dropping proposal`,
      );
    case "uncommittedLimit":
      return warn(
        `${id} appending new entries to log would exceed uncommitted entry size limit; ` +
          `dropping proposal`,
      );
    default:
      return assertNever(trace.reason);
  }
}

function changeRefused(id: string, trace: Of<"changeRefused">): readonly LogLine[] {
  const reasons = {
    pending: `possible unapplied conf change at index ${trace.pendingIndex} (applied to ${trace.applied})`,
    jointNeedsLeaving: "must transition out of joint config first",
    notJoint: "not in joint state; refusing empty conf change",
    impossible: "the conf change cannot be made",
  } as const;
  return info(
    `${id} ignoring conf change ${describeChange(trace.change)} at config ${describeMembership(trace.membership)}: ` +
      reasons[trace.reason],
  );
}

function place(at: { readonly index: number; readonly term: number }): string {
  return `[index: ${at.index}, term: ${at.term}]`;
}

function voteType(vote: "vote" | "preVote"): string {
  return vote === "vote" ? "MsgVote" : "MsgPreVote";
}

function debug(text: string): readonly LogLine[] {
  return [{ level: "DEBUG", text }];
}

function info(text: string): readonly LogLine[] {
  return [{ level: "INFO", text }];
}

function warn(text: string): readonly LogLine[] {
  return [{ level: "WARN", text }];
}
