/** The way out of a divergence for one stopped node: whoever may write its data directory decides. */
import { join } from "node:path";
import { asIndex } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { isGroupCommand } from "@annals/replica";
import { describeCopy, emptyCopy, keepCopy, listAside, openLogStore } from "@annals/storage";
import type { CopyPlace, LogCopy } from "@annals/storage";
import { decodeCommand, Roster, SYSTEM_LOG, SYSTEM_LOG_ID } from "@annals/system";
import type { RosterEntry } from "@annals/system";
import { forgetDecisions, knownLogs } from "./catalogFile.ts";
import type { BirthCertificate } from "./certificate.ts";
import { lockData } from "./dataLock.ts";
import { NodeIdentity } from "./identity.ts";

export interface OfflineOptions {
  /** The data directory of the node. */
  readonly data: string;
  /** The name of the log. */
  readonly log: string;
  readonly segmentBytes: number;
}

/** The copy of a log on the disk of a stopped node. */
export interface OfflineCopy {
  readonly node: string;
  readonly member: MemberId;
  readonly log: string;
  readonly logId: number;
  readonly directory: string;
  /** Why the copy cannot be opened, in place of what is in it. */
  readonly copy: LogCopy | { readonly unreadable: string };
}

/** Somebody's decision for the copy of one node. */
export interface OfflineDecision {
  /** The node whose copy is kept. */
  readonly keep: string;
  /** The user of the operating system. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What became of the copy: it is the one that is kept, or it lies aside; neither when that had been done before. */
export interface OfflineOutcome {
  readonly kept: boolean;
  readonly aside: string | undefined;
}

/** A log of a data directory under its lock. */
export class OfflineLog {
  readonly #identity: NodeIdentity;
  readonly #roster: readonly RosterEntry[];
  readonly #data: string;
  readonly #log: string;
  readonly #place: CopyPlace;
  /** The voters that the log was born with. */
  readonly #voters: readonly MemberId[];

  private constructor(
    data: string,
    identity: NodeIdentity,
    roster: readonly RosterEntry[],
    log: string,
    place: CopyPlace,
    voters: readonly MemberId[],
  ) {
    this.#data = data;
    this.#identity = identity;
    this.#roster = roster;
    this.#log = log;
    this.#place = place;
    this.#voters = voters;
  }

  /**
   * Runs `work` while nobody else may have the data open. Rejects with ERR_DATA_IN_USE while the node runs, and with ERR_DATA_UNBORN or
   * ERR_DATA_WITHOUT_LOG for a directory that does not hold the log.
   */
  static async with<T>(options: OfflineOptions, work: (log: OfflineLog) => Promise<T>): Promise<T> {
    const { data } = options;
    const identity = await NodeIdentity.read(data);
    const certificate = identity?.certificate;
    if (identity === undefined || certificate === undefined)
      throw new AnnalsError(
        "ERR_DATA_UNBORN",
        `${data} is not the data directory of a node that belongs to a cluster: the key data of its configuration names it`,
      );
    const lock = lockData(data);
    try {
      return await work(await OfflineLog.#open(options, identity, certificate));
    } finally {
      lock.release();
    }
  }

  static async #open(
    { data, log, segmentBytes }: OfflineOptions,
    identity: NodeIdentity,
    certificate: BirthCertificate,
  ): Promise<OfflineLog> {
    const roster = new Roster(certificate.members);
    const system = { id: SYSTEM_LOG_ID, name: SYSTEM_LOG, voters: roster.members() };
    const logs = [system, ...(await knownLogs(data))];
    const entry = logs.find(({ name }) => name === log);
    if (entry === undefined)
      throw new AnnalsError(
        "ERR_DATA_WITHOUT_LOG",
        `${data} knows of no log "${log}": it has ${logs.map(({ name }) => name).join(", ")}`,
      );
    const placeOf = (logId: number): CopyPlace => ({
      directory: join(data, "logs", String(logId)),
      logId,
      segmentBytes,
    });
    await replay(placeOf(SYSTEM_LOG_ID), roster);
    return new OfflineLog(data, identity, roster.entries(), log, placeOf(entry.id), entry.voters);
  }

  async describe(): Promise<OfflineCopy> {
    const { node, member } = this.#identity;
    const { directory, logId } = this.#place;
    const copy = await describeCopy(this.#place).catch((error: unknown) => {
      if (error instanceof AnnalsError) return { unreadable: error.message };
      throw error;
    });
    return { node, member, log: this.#log, logId, directory, copy };
  }

  /** Rejects with ERR_NODE_UNKNOWN. */
  assertKnown(node: string): MemberId {
    const found = this.#roster.find((one) => one.node === node);
    if (found !== undefined) return found.member;
    const names = this.#roster.map((one) => one.node).join(", ");
    throw new AnnalsError(
      "ERR_NODE_UNKNOWN",
      `the cluster has no node "${node}": its nodes are ${names}`,
    );
  }

  /** Keeps the copy if it is that of this node, else puts it aside for the one that is kept. Idempotent. */
  async resolve({ keep, by, at }: OfflineDecision): Promise<OfflineOutcome> {
    const kept = { node: keep, member: this.assertKnown(keep) };
    if (keep === this.#identity.node) {
      await keepCopy(this.#place, { by, at, kept });
      return { kept: true, aside: undefined };
    }
    if (this.#place.logId === SYSTEM_LOG_ID) await forgetDecisions(this.#data);
    const aside = await emptyCopy(this.#place, this.#voters, { by, at, kept });
    return { kept: false, aside };
  }
}

/**
 * Which incarnation each node has now, as far as the copy of `_system` here tells; where that was given up, the one that lies aside. What
 * is not known to be committed counts as well: how far the log is committed is on disk later than the entries.
 */
async function replay(place: CopyPlace, roster: Roster): Promise<void> {
  const aside = (await listAside(place.directory)).map((name) => join(place.directory, "..", name));
  for (const directory of [...aside, place.directory]) {
    const store = await openLogStore({ ...place, directory }).catch(() => undefined);
    if (store === undefined) continue;
    try {
      for (let index: number = store.firstIndex(); index <= store.lastIndex(); index++) {
        const entry = store.storedEntry(asIndex(index))?.entry;
        if (entry?.kind !== "command" || isGroupCommand(entry.data)) continue;
        const command = decodeCommand(entry.data);
        if (command.op === "replaceMember") roster.replace(command.node, command.member);
      }
    } finally {
      await store.close();
    }
  }
}
