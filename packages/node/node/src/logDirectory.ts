import { NOBODY } from "@annals/raft";
import type { MemberId, Role } from "@annals/raft";
import type { RepairNote } from "@annals/worker";
import type { CatalogEntry } from "@annals/system";
import type { WorkerHandle } from "./workerHandle.ts";

/**
 * `worker`: no thread that may have it has come up. `scan`: its files are being read. `interval`: one log is handed over per
 * `workers.reassignStagger`. `place`: each worker has `workers.maxCatchUps` others that are being opened or catch up. `isolation`: it is
 * isolated, and its next try is not due.
 */
export type PlaceWait = "worker" | "scan" | "interval" | "place" | "isolation";

/** Where a log lives on this node, and what its replica last said of itself. */
export interface LogPlace {
  entry: CatalogEntry;
  /** The log was created a moment ago and this node should lead it first: somebody has to stand before the timeouts do. */
  readonly campaign: boolean;
  worker: WorkerHandle | undefined;
  opened: boolean;
  /** It takes one of its worker's places for logs that are opened and catch up. */
  catchingUp: boolean;
  /** What it waits for while it has no worker. */
  waitsFor: PlaceWait | undefined;
  /** Set while the log is being repaired. */
  repairing: RepairNote | undefined;
  /** The node whose copy is kept, while that is carried out on the copy here. */
  resolving: string | undefined;
  /** The latest decision that was carried out on the copy here since the node began; 0 for none. */
  carriedOut: number;
  /** Its history and another member's cannot both be right: its replica answers for itself, whoever leads. */
  diverged: boolean;
  /** Why the system does not let the log be opened; undefined while it does. */
  refused: string | undefined;
  role: Role;
  leader: MemberId;
  term: number;
  /** The latest term that is known to have had a leader. */
  leaderTerm: number;
  /** Leaders that came, one a term, as far as this node has heard; never falls. */
  elections: number;
}

/** Takes news of a log from the worker that holds it: those of one that held it before are stale. */
export function heard(
  place: LogPlace | undefined,
  from: WorkerHandle,
  change: (place: LogPlace) => void,
): void {
  if (place?.worker === from) change(place);
}

/** What the log's replica says of its role. */
export function follow(
  place: LogPlace,
  { role, leader, term, diverged }: Pick<LogPlace, "role" | "leader" | "term" | "diverged">,
): void {
  if (leader !== NOBODY && term > place.leaderTerm) {
    place.elections++;
    place.leaderTerm = term;
  }
  place.diverged = diverged;
  place.role = role;
  place.leader = leader;
  place.term = term;
}

export function newPlace(entry: CatalogEntry, campaign: boolean): LogPlace {
  return {
    entry,
    campaign,
    worker: undefined,
    opened: false,
    catchingUp: false,
    waitsFor: undefined,
    repairing: undefined,
    resolving: undefined,
    carriedOut: 0,
    diverged: false,
    refused: undefined,
    role: "follower",
    leader: NOBODY,
    term: 0,
    leaderTerm: 0,
    elections: 0,
  };
}

/** The log is open: nothing is in its way any more. */
export function opened(place: LogPlace): void {
  place.opened = true;
  place.resolving = undefined;
  place.repairing = undefined;
  place.refused = undefined;
}

/** The system does not let the log be opened; `reason` is undefined when it does again. */
export function refuse(place: LogPlace, reason: string | undefined): void {
  place.refused = reason;
  if (reason !== undefined) silence(place);
}

/** The log is closed while a decision is carried out on it. */
export function resolve(place: LogPlace, keep: string): void {
  place.resolving = keep;
  place.repairing = undefined;
  silence(place);
}

/** The worker is gone: until the log is opened elsewhere nothing is known of it. */
export function displace(place: LogPlace): void {
  place.worker = undefined;
  place.resolving = undefined;
  place.repairing = undefined;
  place.refused = undefined;
  silence(place);
}

/** The replica is not running: it leads nothing and follows nobody. */
export function silence(place: LogPlace): void {
  place.opened = false;
  place.catchingUp = false;
  place.diverged = false;
  place.role = "follower";
  place.leader = NOBODY;
}
