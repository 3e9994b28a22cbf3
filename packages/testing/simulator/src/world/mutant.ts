import type { MembershipState, Message } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import type {
  AppendResult,
  BlobHolder,
  ClockSample,
  LogStore,
  PeerTransport,
  Replica,
  StampClock,
} from "@annals/replica";
import type { SimulatedDisk } from "@annals/kit";
import type { DisksPutBack } from "./plan.ts";
import type { Member } from "./machine.ts";
import type { Chance, Time } from "./surroundings.ts";

/** Something in which a bug may be planted. */
export interface Planted {
  readonly mutant: Mutant | undefined;
}

/**
 * FAULT MODULE: a bug planted on purpose, to see whether the checkers find it. It sits between the replica and its ports, or replaces what
 * a test build of them does; production code knows nothing of it.
 */
export interface Mutant {
  readonly name: string;
  /** What the planted bug is, in a sentence. */
  readonly bug: string;
  /** A rule whose breach does not count: of a second bug that only gives this one room. */
  readonly excuses?: string;
  /** Nodes of the clusters in which it is looked for; default: as the seed has it. */
  readonly nodes?: number;
  /** A node that lost its disks goes on under its old member id. */
  readonly wipedKeepsId?: boolean;
  /** A repair takes whatever it is answered first. */
  readonly trustsPages?: boolean;
  /** A repair gives the disk up on the word of one peer. */
  readonly believesOnePeer?: boolean;
  /** Whose disks are put back while the bug is looked for. Default: nobody's. */
  readonly putBack?: DisksPutBack;
  /** That a log has diverged is not remembered by the next life of its replica. */
  readonly forgetsDivergence?: boolean;
  /** A proven divergence is written down, and the replica goes on. */
  readonly goesOnDiverged?: boolean;
  /** An operator's decision clears the marks of all copies, and empties none. */
  readonly clearsEveryMark?: boolean;
  /** A member that has not carried a decision out has a say all the same. */
  readonly heedsEverybody?: boolean;
  /** A copy that was given up is opened before the mark of that is written. */
  readonly marksEmptiedLate?: boolean;
  /** The last blob that was saved before a crash is not there after it. */
  readonly savesBlobsLate?: boolean;
  /** What a node makes of the answer of another one's clock. */
  readonly hearClock?: (
    stamps: StampClock,
    node: string,
    sample: ClockSample,
    ownOriginMs: number,
  ) => void;
  readonly wrapBlobs?: (blobs: BlobHolder, replica: Member) => BlobHolder;
  readonly makeDisk?: (membership: MembershipState, world: Chance & Time) => SimulatedDisk;
  readonly wrapStore?: (store: LogStore, replica: Member) => LogStore;
  readonly wrapTransport?: (transport: PeerTransport, replica: Member) => PeerTransport;
  readonly receive?: (messages: readonly Message[], replica: Member) => readonly Message[];
  readonly readBarrier?: (replica: Replica, timeoutMs: number) => Promise<void>;
  readonly answer?: (result: AppendResult) => AppendResult;
  readonly refusal?: (error: AnnalsError) => AnnalsError;
  /** Patches the core for the runs of this mutant; returns what takes the patch out again. */
  readonly install?: () => () => void;
}
