import { GROUPS_MAX } from "@annals/flow";
import type { LogIndex } from "@annals/raft";
import type { AnnalsError, Seq } from "@annals/record";
import { encodeGroupCommand } from "./groupCommand.ts";
import type { GroupCommand } from "./groupCommand.ts";
import { GroupCommits } from "./groupCommits.ts";
import {
  beyondLog,
  feedsOther,
  fenced,
  groupLimit,
  groupNotFound,
  laneHeld,
  noLane,
  otherSettings,
} from "./groupErrors.ts";
import type { GroupState, GroupTable, LaneState } from "./groups.ts";
import { GroupWatch } from "./groupWatch.ts";

export interface GroupDeskOptions {
  readonly table: GroupTable;
  /** Proposes a command; resolves with its index when it is applied here. Rejects where there is no leader. */
  readonly propose: (data: Uint8Array) => Promise<LogIndex>;
  /** Throws ERR_NOT_LEADER and its like unless the table is exact here. */
  readonly assertLeading: () => void;
  readonly appliedSeq: () => Seq;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds without a sign of life after which somebody else may have a lane. */
  readonly leaseMs: number;
}

/** So often, in milliseconds, whoever stands by should ask for a lane that its holder may give back at any moment. */
const ASK_AGAIN_MS = 1_000;

export interface NewGroup {
  readonly name: string;
  readonly settings: string;
  readonly lanes: number;
  /** Where it begins: what was before it counts as done. */
  readonly position: Seq;
}

/** A lane in somebody's hands. */
export interface LaneGrant {
  readonly lane: number;
  /** How many the group has. */
  readonly lanes: number;
  readonly token: number;
  readonly position: Seq;
  /** See `GroupState`. */
  readonly begin: Seq;
  /** Milliseconds within which it has to be renewed. */
  readonly leaseMs: number;
}

export interface LaneView extends LaneState {
  /** Milliseconds since its holder was heard of; undefined while nobody holds it, and on a replica that does not lead. */
  readonly silentMs: number | undefined;
  /** Milliseconds since its position moved while there was something to do; undefined on a replica that does not lead. */
  readonly stillMs: number | undefined;
}

export interface GroupView extends Omit<GroupState, "lanes"> {
  readonly lanes: readonly LaneView[];
}

/**
 * The groups of a log, for those who consume it. Who holds a lane is in the log, with a token that every commit must carry; how long ago
 * the holder was heard of is known to the leader alone. A new leader gives every holder a whole lease more: that delays a takeover, and
 * harms nobody.
 */
export class GroupDesk {
  readonly #options: GroupDeskOptions;
  readonly #commits: GroupCommits;
  readonly #watch: GroupWatch;

  constructor(options: GroupDeskOptions) {
    const { table, now } = options;
    this.#options = options;
    this.#watch = new GroupWatch(table, now);
    this.#commits = new GroupCommits({
      propose: (command) => this.#propose(command),
      lane: (group, lane) => table.get(group)?.lanes[lane],
    });
  }

  /** The leadership has ended, or the replica. */
  end(error: () => AnnalsError): void {
    this.#commits.rejectAll(error);
    this.#watch.clear();
  }

  /** On the leader: proposes the positions that gathered since the last tick. */
  tick(): void {
    this.#watch.look(this.#options.appliedSeq());
    this.#commits.flush();
  }

  views(): readonly GroupView[] {
    return this.#options.table.all().map((group) => this.#view(group));
  }

  /** Creates a group, or finds it if it is there and the same. Rejects with ERR_GROUP_SETTINGS, ERR_GROUP_LIMIT, ERR_GROUP_POSITION. */
  async create(group: NewGroup): Promise<GroupView> {
    this.#options.assertLeading();
    const found = this.#find(group);
    if (found !== undefined) return this.#view(found);
    this.#assertInLog(group.position);
    if (this.#options.table.size >= GROUPS_MAX) throw groupLimit();
    await this.#propose({ op: "create", ...group });
    const made = this.#find(group);
    if (made === undefined) throw groupLimit();
    return this.#view(made);
  }

  #find({ name, settings, lanes }: NewGroup): GroupState | undefined {
    const found = this.#options.table.byName(name);
    if (found === undefined) return undefined;
    if (found.lanes.length !== lanes)
      throw otherSettings(name, `it has ${found.lanes.length} lanes, not ${lanes}`);
    assertSettings(found, settings);
    return found;
  }

  /** Rejects with ERR_GROUP_NOT_FOUND. */
  async delete(name: string): Promise<void> {
    await this.#propose({ op: "delete", group: this.#named(name).id });
  }

  /** Every lane goes on behind `position`; whoever holds one is fenced off. Rejects with ERR_GROUP_NOT_FOUND, ERR_GROUP_POSITION. */
  async reset(name: string, position: Seq): Promise<GroupView> {
    const { id } = this.#named(name);
    this.#assertInLog(position);
    await this.#propose({ op: "reset", group: id, position });
    return this.#view(this.#named(name));
  }

  /**
   * Gives `member` a lane that nobody holds any more: the one that it asks for, or any. Rejects with ERR_GROUP_HELD while there is none,
   * ERR_GROUP_SETTINGS, ERR_GROUP_FEEDS, ERR_GROUP_LANE, ERR_GROUP_NOT_FOUND.
   */
  async acquire(
    name: string,
    settings: string,
    member: string,
    wanted: number | undefined,
    feeds: string = "",
  ): Promise<LaneGrant> {
    const group = this.#named(name);
    assertSettings(group, settings);
    this.#assertFeeds(group, member, feeds);
    const lane = wanted ?? group.lanes.findIndex((_, at) => this.#isFree(group, at, member));
    const state = group.lanes[lane];
    if (wanted !== undefined && state === undefined) throw noLane(name, wanted, group.lanes.length);
    if (state === undefined || !this.#isFree(group, lane, member))
      throw laneHeld(name, wanted, this.#freeInMs(group, wanted));
    const ask = {
      op: "acquire",
      group: group.id,
      lane,
      member,
      feeds,
      fed: group.feeds,
      previous: state.token,
    } as const;
    const token = await this.#propose(ask);
    const now = this.#options.table.get(group.id);
    const granted = now?.lanes[lane];
    if (now !== undefined && granted?.token === token) {
      const { leaseMs } = this.#options;
      const { position } = granted;
      return { lane, lanes: now.lanes.length, token, position, begin: now.begin, leaseMs };
    }
    if (now !== undefined) this.#assertFeeds(now, member, feeds);
    throw laneHeld(name, lane, ASK_AGAIN_MS);
  }

  /**
   * Whoever writes elsewhere than those that live would stand by in silence, or get a share that the others miss. When nobody is left, what
   * they fed may have moved.
   */
  #assertFeeds(group: GroupState, member: string, feeds: string): void {
    if (group.feeds === feeds) return;
    const holder = group.lanes.find((_, at) => !this.#isFree(group, at, member));
    if (holder !== undefined) throw feedsOther(group, holder.member, feeds);
  }

  /** Nobody holds it, or the holder was not heard of for a lease. A member takes over from itself at once. */
  #isFree({ id, lanes }: GroupState, lane: number, member: string): boolean {
    const state = lanes[lane];
    if (state === undefined) return false;
    if (state.token === 0 || state.member === member) return true;
    const silentMs = this.#watch.silentMs(id, lane, state.token);
    return silentMs !== undefined && silentMs > this.#options.leaseMs;
  }

  /** When it is worth while to ask again: as soon as a lease may be over, and before that now and then, since a lane may be given back. */
  #freeInMs({ id, lanes }: GroupState, wanted: number | undefined): number {
    const leases = lanes.flatMap(({ token }, lane) => {
      if (wanted !== undefined && lane !== wanted) return [];
      const silentMs = this.#watch.silentMs(id, lane, token);
      return silentMs === undefined ? [] : [this.#options.leaseMs - silentMs + 1];
    });
    return Math.max(1, Math.min(ASK_AGAIN_MS, ...leases));
  }

  /** The holder is alive. Throws ERR_GROUP_FENCED, ERR_GROUP_NOT_FOUND. */
  renew(name: string, lane: number, token: number): void {
    this.#watch.renew(this.#held(name, lane, token).group.id, lane);
  }

  /**
   * Everything of the lane up to `position` is done with; resolves with the lane's position once that is committed. One that is not ahead
   * changes nothing. Rejects with ERR_GROUP_FENCED, ERR_GROUP_POSITION, ERR_GROUP_NOT_FOUND.
   */
  async commit(name: string, lane: number, token: number, position: Seq): Promise<Seq> {
    const { group, state } = this.#held(name, lane, token);
    this.#assertInLog(position);
    this.#watch.renew(group.id, lane);
    if (position <= state.position) return state.position;
    const at = { group: group.id, lane, token, position };
    return this.#commits.add(at, () => fenced(name, lane));
  }

  /** Gives a lane back, so that the next one need not wait for the end of the lease. */
  async release(name: string, lane: number, token: number): Promise<void> {
    const { group } = this.#held(name, lane, token);
    await this.#propose({ op: "release", group: group.id, lane, token });
  }

  #named(name: string): GroupState {
    this.#options.assertLeading();
    const group = this.#options.table.byName(name);
    if (group === undefined) throw groupNotFound(name);
    return group;
  }

  #held(name: string, lane: number, token: number): { group: GroupState; state: LaneState } {
    const group = this.#named(name);
    const state = group.lanes[lane];
    if (token === 0 || state?.token !== token) throw fenced(name, lane);
    return { group, state };
  }

  #assertInLog(position: Seq): void {
    const lastSeq = this.#options.appliedSeq();
    if (position > lastSeq) throw beyondLog(position, lastSeq);
  }

  #view(group: GroupState): GroupView {
    const lanes = group.lanes.map((state, lane) => ({
      ...state,
      silentMs: state.token === 0 ? undefined : this.#watch.silentMs(group.id, lane, state.token),
      stillMs: this.#watch.stillMs(group.id, lane),
    }));
    return { ...group, lanes };
  }

  #propose(command: GroupCommand): Promise<LogIndex> {
    return this.#options.propose(encodeGroupCommand(command));
  }
}

function assertSettings(group: GroupState, settings: string): void {
  if (group.settings !== settings)
    throw otherSettings(
      group.name,
      `"${group.settings}", not "${settings}"${group.feeds === "" ? "" : `; it feeds ${group.feeds}`}`,
    );
}
