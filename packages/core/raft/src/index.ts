export { RaftConfigError } from "./checkConfig.ts";
export type * from "./config.ts";
export { RaftCore } from "./core.ts";
export type { EmptiedStatus } from "./emptied.ts";
export { entryBytes } from "./entrySize.ts";
export type { HashChain } from "./hashChain.ts";
export { assertNever, InvariantError, invariant } from "./invariant.ts";
export type * from "./logReader.ts";
export {
  changeMembership,
  changeSimply,
  enterJoint,
  leaveJoint,
  type MembershipOutcome,
  type MembershipRefusal,
  NO_MEMBERS,
} from "./membership.ts";
export {
  decodeMembershipChange,
  encodeMembershipChange,
  MembershipCodecError,
} from "./membershipCodec.ts";
export type * from "./message.ts";
export type {
  ChangeRefusal,
  ForgetOutcome,
  ProposalDropReason,
  ProposeOutcome,
  ReadOutcome,
  StepOutcome,
  StepRefusal,
} from "./outcome.ts";
export { ProbedRaftCore } from "./probedCore.ts";
export type { ProgressState, ProgressStatus } from "./progress.ts";
export type { Proposal } from "./proposal.ts";
export {
  jointCommitted,
  jointVote,
  majorityCommitted,
  majorityVote,
  type VoteResult,
} from "./quorum.ts";
export type * from "./ready.ts";
export type { RecoveryStatus, RolledBack } from "./recovery.ts";
export type { RaftStatus } from "./status.ts";
export type * from "./trace.ts";
export { Tracker } from "./tracker.ts";
export type * from "./types.ts";
export { asIndex, asMemberId, asTerm, INDEX_MAX, NOBODY, TERM_MAX } from "./types.ts";
