import type { CycleStep, DiskImage } from "@annals/kit";
import type { HardState, MembershipState, Message, RaftStatus, Role, Term } from "@annals/raft";
import type { RepairOutcome, WriteCycle } from "@annals/replica";

/** One replica as the checkers see it: by what crosses its ports. */
export interface Observed {
  readonly log: number;
  /** The machine, which is a member of its own: also its member id. */
  readonly node: number;
  /** In force in the process, that is as of what it has applied. */
  readonly membership: MembershipState;
  /** What its disk holds by now, whatever the process believes. */
  readonly durable: DiskImage;
  /** The same, and what it held before it was taken back, until it has caught up: what it has said then may still be on the way. */
  readonly held: readonly DiskImage[];
  /** What is damaged on it, by index. */
  readonly disk: { readonly damaged: ReadonlyMap<number, unknown> };
  /** What its store shows to the process. */
  readonly view: DiskImage;
  /** The blobs on its disk. */
  readonly blobs: { has(digest: string): boolean };
  /** Its disk says that its history and another one cannot both be right. */
  readonly diverged: boolean;
  /** The first storage error has happened in this life of the process. */
  readonly storageFailed: boolean;
}

/** What checkers are told, each hook right after it happened. Hooks must not throw: they report. */
export interface Checker {
  /** The process has started on its disk. */
  started?(replica: Observed): void;
  /** A turn has ended. */
  turned?(replica: Observed, raft: RaftStatus): void;
  roleChanged?(replica: Observed, role: Role, term: Term): void;
  /** A frame has arrived from this member. */
  received?(replica: Observed, from: number): void;
  sent?(replica: Observed, message: Message): void;
  /** A write cycle goes to the disk; `image` is what will be there. */
  writing?(replica: Observed, cycle: WriteCycle, image: DiskImage): void;
  /** The process or worker died when its cycle, if one was in the air, had come to `step`; `pending` is what that cycle leads to. */
  crashed?(replica: Observed, step: CycleStep, pending: DiskImage | undefined): void;
  /** Its log is damaged: it is down until everything is back. */
  repairing?(replica: Observed): void;
  repairEnded?(replica: Observed, outcome: RepairOutcome): void;
  /** Its disks were taken away: what comes next starts from nothing. */
  blanked?(replica: Observed): void;
  /** Its disk was taken back to what it was earlier. */
  putBack?(replica: Observed): void;
  /** Something reached the disk. */
  flushed?(replica: Observed, before: HardState): void;
}

/** The first broken rule of a run. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
}

/** Takes note of a broken rule; never throws, since it is called from within the code under test, which guards its turns. */
export type Report = (rule: string, text: string) => void;

export function describe({ log, node }: Observed): string {
  return `n${node} of log ${log}`;
}
