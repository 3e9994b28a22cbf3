/** Where a group begins or goes on: at the first record, behind the last or a seq, or at the first record of a time (ms since 1970). */
export type GroupStart =
  | { readonly at: "first" }
  | { readonly at: "end" }
  | { readonly at: "seq"; readonly seq: number }
  | { readonly at: "time"; readonly time: number };

/** What is asked of the groups of a log, where it is led. Plain data: it crosses to the worker. */
export type GroupRequest =
  | { readonly op: "list" }
  | {
      readonly op: "create";
      readonly name: string;
      readonly settings: string;
      readonly lanes: number;
      readonly from: GroupStart;
    }
  | { readonly op: "delete"; readonly name: string }
  | { readonly op: "reset"; readonly name: string; readonly to: GroupStart }
  | {
      readonly op: "acquire";
      readonly name: string;
      readonly settings: string;
      readonly member: string;
      /** What it writes to, for people and to tell it from others. */
      readonly feeds: string;
      /** Any that is free if undefined. */
      readonly lane: number | undefined;
    }
  | ({ readonly op: "renew" } & HeldLane)
  | ({ readonly op: "commit"; readonly position: number } & HeldLane)
  | ({ readonly op: "release" } & HeldLane);

/** A lane and the token with which it is held. */
export interface HeldLane {
  readonly name: string;
  readonly lane: number;
  readonly token: number;
}

/** A lane that a member has been given. */
export interface GrantedLane {
  readonly lane: number;
  /** How many the group has. */
  readonly lanes: number;
  readonly token: number;
  readonly position: number;
  /** Where the group began: behind this seq. */
  readonly begin: number;
  /** Milliseconds within which it has to be renewed. */
  readonly leaseMs: number;
}

/** What each kind of request is answered with. */
export interface GroupAnswers {
  readonly list: readonly GroupInfo[];
  readonly create: GroupInfo;
  readonly delete: undefined;
  readonly reset: GroupInfo;
  readonly acquire: GrantedLane;
  readonly renew: undefined;
  readonly commit: { readonly position: number };
  readonly release: undefined;
}

export interface GroupInfo {
  readonly name: string;
  readonly settings: string;
  /** Where it began: behind this seq. */
  readonly begin: number;
  /** What whoever held a lane last writes to; empty where nobody has said so. */
  readonly feeds: string;
  /** Records of the log that come after the position of the lane that is furthest behind. */
  readonly lag: number;
  readonly lanes: readonly LaneInfo[];
}

/**
 * `free`: nobody holds it. `current`: it has everything. `moving`: it is behind and comes on. `stuck`: its holder lives, and its position
 * has not moved for a minute although there is something to do. `silent`: its holder was not heard of for a lease; another may have it.
 */
export type LaneCondition = "free" | "current" | "moving" | "stuck" | "silent";

/** A group as the status of its log's leader tells of it. */
export interface GroupCondition {
  readonly name: string;
  /** Records of the log behind the position of the lane that is furthest behind. */
  readonly lag: number;
  /** Lanes that are stuck: their holders live, and they do not come on. */
  readonly stuck: number;
}

export interface LaneInfo {
  readonly position: number;
  readonly lag: number;
  /** Who holds it. */
  readonly member: string | undefined;
  readonly condition: LaneCondition;
}
