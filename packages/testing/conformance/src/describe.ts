import {
  type AppendTicket,
  asIndex,
  assertNever,
  asTerm,
  decodeMembershipChange,
  type Entry,
  type HardState,
  type MembershipChange,
  type MembershipOp,
  type MembershipState,
  type Message,
  type ProgressState,
  type ProgressStatus,
  type ReadState,
  type Role,
  type SnapshotMeta,
} from "@annals/raft";
import { goQuote, goSlice } from "./goFormat.ts";

// How transcripts print things, in the words of the reference implementation. Ids are hexadecimal where it prints them so.

const MESSAGE_TYPES: Readonly<Record<Message["kind"], string>> = {
  appendEntries: "MsgApp",
  appendEntriesResponse: "MsgAppResp",
  requestVote: "MsgVote",
  requestVoteResponse: "MsgVoteResp",
  requestPreVote: "MsgPreVote",
  requestPreVoteResponse: "MsgPreVoteResp",
  heartbeat: "MsgHeartbeat",
  heartbeatResponse: "MsgHeartbeatResp",
  installSnapshot: "MsgSnap",
  timeoutNow: "MsgTimeoutNow",
  readIndex: "MsgReadIndex",
  readIndexResponse: "MsgReadIndexResp",
  transferLeadership: "MsgTransferLeader",
  propose: "MsgProp",
  recovery: "Recovery",
  recoveryResponse: "RecoveryResponse",
};

const ROLES: Readonly<Record<Role, string>> = {
  follower: "StateFollower",
  preCandidate: "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
};

const PROGRESS_STATES: Readonly<Record<ProgressState, string>> = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
};

const STEP_LETTERS: Readonly<Record<MembershipOp, string>> = {
  addVoter: "v",
  addLearner: "l",
  remove: "r",
  update: "u",
};

const STEP_TYPES: Readonly<Record<MembershipOp, string>> = {
  addVoter: "ConfChangeAddNode",
  addLearner: "ConfChangeAddLearnerNode",
  remove: "ConfChangeRemoveNode",
  update: "ConfChangeUpdateNode",
};

const TRANSITIONS: Readonly<Record<MembershipChange["transition"], string>> = {
  auto: "ConfChangeTransitionAuto",
  jointImplicit: "ConfChangeTransitionJointImplicit",
  jointExplicit: "ConfChangeTransitionJointExplicit",
};

export const hex = (id: number): string => id.toString(16);

export function messageType(kind: Message["kind"]): string {
  return MESSAGE_TYPES[kind];
}

export function describeRole(role: Role): string {
  return ROLES[role];
}

/** A message between members, on one line unless it has several entries or a snapshot. */
export function describeMessage(message: Message, indent = ""): string {
  const { from, log, rest } = partsOf(message, indent);
  const ends = `${target(from)}->${target(message.to)}`;
  return `${indent}${ends} ${MESSAGE_TYPES[message.kind]} Term:${message.term} Log:${log}${rest}`;
}

/** The request to write that the reference sends to its append thread. */
export function describeStorageAppend(
  id: number,
  ticket: AppendTicket,
  withResponses: boolean,
): string {
  const { hardState, entries, snapshot } = ticket;
  let text = `${hex(id)}->AppendThread MsgStorageAppend Term:${hardState?.term ?? 0} Log:0/0`;
  text += nonZero("Commit", hardState?.commitIndex) + nonZero("Vote", hardState?.votedFor);
  text += inlineEntries(entries, "");
  if (snapshot !== undefined) text += `\n  Snapshot: ${describeSnapshot(snapshot)}`;
  const responses = withResponses ? describeResponses(id, ticket, "  ") : [];
  return responses.length === 0 ? text : `${text} Responses:[\n${responses.join("\n")}\n]`;
}

/** What leaves the append thread when the write is done. */
export function describeResponses(id: number, ticket: AppendTicket, indent = ""): string[] {
  const lines = ticket.afterDurable.map((message) => describeMessage(message, indent));
  if (owesCompletion(ticket)) lines.push(describeAppendDone(id, ticket, indent));
  return lines;
}

/** Whether the completion says anything of the log, beyond releasing messages. */
export function owesCompletion(ticket: AppendTicket): boolean {
  return ticket.lastEntry !== undefined || ticket.snapshot !== undefined;
}

export function describeAppendDone(id: number, ticket: AppendTicket, indent = ""): string {
  const { lastEntry, snapshot } = ticket;
  let text = `${indent}AppendThread->${hex(id)} MsgStorageAppendResp Term:${ticket.term}`;
  text += ` Log:${lastEntry?.term ?? 0}/${lastEntry?.index ?? 0}`;
  if (snapshot !== undefined) text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  return text;
}

export function describeStorageApply(
  id: number,
  entries: readonly Entry[],
  withResponses: boolean,
): string {
  const text = `${hex(id)}->ApplyThread MsgStorageApply Term:0 Log:0/0${inlineEntries(entries, "")}`;
  return withResponses ? `${text} Responses:[\n${describeApplyDone(id, entries, "  ")}\n]` : text;
}

export function describeApplyDone(id: number, entries: readonly Entry[], indent = ""): string {
  const entriesText = inlineEntries(entries, indent);
  return `${indent}ApplyThread->${hex(id)} MsgStorageApplyResp Term:0 Log:0/0${entriesText}`;
}

export function describeHardState(state: HardState): string {
  return `Term:${state.term}${nonZero("Vote", state.votedFor)} Commit:${state.commitIndex}`;
}

function describeEntry(entry: Entry): string {
  const place = `${entry.term}/${entry.index}`;
  if (entry.kind !== "membership") return `${place} EntryNormal ${goQuote(entry.data)}`;
  const change = decodeMembershipChange(entry.data);
  const type = change.format === 1 ? "EntryConfChange" : "EntryConfChangeV2";
  const steps = describeSteps(change);
  return steps === "" ? `${place} ${type}` : `${place} ${type} ${steps}`;
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join("");
}

/** In the shorthand of transcripts: `v1 l2 r3 u4`. */
function describeSteps(change: MembershipChange): string {
  return change.steps.map(({ op, member }) => `${STEP_LETTERS[op]}${member}`).join(" ");
}

/** In full, as log lines have it. */
export function describeChange(change: MembershipChange): string {
  const steps = change.steps.map(
    ({ op, member }) => ` changes:{type:${STEP_TYPES[op]} node_id:${member}}`,
  );
  const context = change.context.length > 0 ? ` context:${goQuote(change.context)}` : "";
  return `transition:${TRANSITIONS[change.transition]}${steps.join("")}${context}`;
}

export function describeSnapshot(meta: SnapshotMeta): string {
  const { lastIncludedIndex, lastIncludedTerm, membership } = meta;
  const state = describeConfState(membership);
  return `Index:${lastIncludedIndex} Term:${lastIncludedTerm} ConfState:${state}`;
}

export function describeConfState(membership: MembershipState): string {
  return [
    `Voters:${goSlice(membership.voters)}`,
    `VotersOutgoing:${goSlice(membership.votersOutgoing)}`,
    `Learners:${goSlice(membership.learners)}`,
    `LearnersNext:${goSlice(membership.learnersNext)}`,
    `AutoLeave:${membership.autoLeave}`,
  ].join(" ");
}

export function describeMembership(membership: MembershipState): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = membership;
  let text = `voters=${idSet(voters)}`;
  if (votersOutgoing.length > 0) text += `&&${idSet(votersOutgoing)}`;
  if (learners.length > 0) text += ` learners=${idSet(learners)}`;
  if (learnersNext.length > 0) text += ` learners_next=${idSet(learnersNext)}`;
  return autoLeave ? `${text} autoleave` : text;
}

export function describeProgress(progress: ProgressStatus): string {
  const { state, matchIndex, nextIndex, pendingSnapshot, inflightMessages } = progress;
  let text = `${PROGRESS_STATES[state]} match=${matchIndex} next=${nextIndex}`;
  if (progress.learner) text += " learner";
  if (progress.paused) text += " paused";
  if (pendingSnapshot > 0) text += ` pendingSnap=${pendingSnapshot}`;
  if (!progress.recentActive) text += " inactive";
  if (inflightMessages > 0) text += ` inflight=${inflightMessages}`;
  return inflightMessages > 0 && progress.inflightFull ? `${text}[full]` : text;
}

export function describeReads(reads: readonly ReadState[]): string {
  return `[${reads.map(({ index, context }) => `{${index} ${context}}`).join(" ")}]`;
}

interface Parts {
  readonly from: number;
  readonly log: string;
  readonly rest: string;
}

function partsOf(message: Message, indent: string): Parts {
  const { from } = message;
  switch (message.kind) {
    case "appendEntries": {
      const commit = nonZero("Commit", message.leaderCommit);
      const log = `${message.prevLogTerm}/${message.prevLogIndex}`;
      return { from, log, rest: commit + inlineEntries(message.entries, indent) };
    }
    case "appendEntriesResponse":
      return message.rejected
        ? { from, log: `${message.hintTerm}/${message.index}`, rest: rejected(message.hintIndex) }
        : { from, log: `0/${message.index}`, rest: "" };
    case "requestVote":
    case "requestPreVote":
      return { from, log: `${message.lastLogTerm}/${message.lastLogIndex}`, rest: "" };
    case "requestVoteResponse":
    case "requestPreVoteResponse":
      return { from, log: "0/0", rest: message.rejected ? rejected(0) : "" };
    case "heartbeat": {
      const commit = nonZero("Commit", message.commitIndex);
      return { from, log: "0/0", rest: commit + nonZero("Token", message.readToken) };
    }
    case "heartbeatResponse":
      return { from, log: "0/0", rest: nonZero("Token", message.readToken) };
    case "installSnapshot": {
      const rest = `\n${indent}  Snapshot: ${describeSnapshot(message.snapshot)}`;
      return { from, log: "0/0", rest };
    }
    case "readIndex":
      return { from, log: "0/0", rest: nonZero("Context", message.context) };
    case "readIndexResponse":
      return { from, log: `0/${message.index}`, rest: nonZero("Context", message.context) };
    case "transferLeadership":
      // The reference has this message come from the successor, whoever sent it.
      return { from: message.transferee, log: "0/0", rest: "" };
    case "propose": {
      const entries = message.entries.map((entry) => ({
        ...entry,
        index: asIndex(0),
        term: asTerm(0),
      }));
      return { from, log: "0/0", rest: inlineEntries(entries, indent) };
    }
    case "timeoutNow":
    case "recoveryResponse":
      return { from, log: "0/0", rest: "" };
    case "recovery":
      return { from, log: `${message.lastLogTerm}/${message.lastLogIndex}`, rest: "" };
    default:
      return assertNever(message);
  }
}

function inlineEntries(entries: readonly Entry[], indent: string): string {
  const [first] = entries;
  if (first === undefined) return "";
  if (entries.length === 1) return ` Entries:[${describeEntry(first)}]`;
  const lines = entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`);
  return ` Entries:[${lines.join("")}\n${indent}]`;
}

function rejected(hint: number): string {
  return ` Rejected (Hint: ${hint})`;
}

function nonZero(name: string, value: number | undefined): string {
  return value === undefined || value === 0 ? "" : ` ${name}:${value}`;
}

function idSet(ids: readonly number[]): string {
  return `(${ids.join(" ")})`;
}

function target(id: number): string {
  return id === 0 ? "None" : hex(id);
}
