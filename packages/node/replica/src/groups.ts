import { GROUPS_MAX } from "@annals/flow";
import type { LogIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import type { Seq } from "@annals/record";
import type { GroupCommand, GroupId } from "./groupCommand.ts";

/** One share of a group's records: those whose key hashes to it, in order. */
export interface LaneState {
  /** Every record of the lane up to this seq is done with; 0 before the first. */
  readonly position: Seq;
  /** The fencing token of who holds the lane: the index of the entry that granted it; 0 while nobody does. Only ever grows. */
  readonly token: number;
  /** Who holds it, by the name that it gave; empty while nobody does. */
  readonly member: string;
}

/** A durable cursor of consumers in a log. */
export interface GroupState {
  readonly id: GroupId;
  readonly name: string;
  /** What its consumers call their settings; one with other settings is refused. */
  readonly settings: string;
  /** Where it began: behind this seq. A consumer that has lost everything goes back to here. */
  readonly begin: Seq;
  /** What whoever held a lane last writes to, by its own words; empty where nobody has said so. */
  readonly feeds: string;
  readonly lanes: readonly LaneState[];
}

const NOBODY: LaneState = { position: asSeq(0), token: 0, member: "" };

/**
 * The groups of a log: a deterministic function of the applied entries, so all replicas agree; stored in the transaction that stores
 * the applied index. A command that does not fit what it finds does nothing: who proposed it looks at what became of it.
 */
export class GroupTable {
  readonly #groups: Map<GroupId, GroupState>;
  #changed = new Map<GroupId, GroupState | undefined>();

  constructor(stored: ReadonlyMap<GroupId, GroupState>) {
    this.#groups = new Map(stored);
  }

  get size(): number {
    return this.#groups.size;
  }

  all(): readonly GroupState[] {
    return [...this.#groups.values()];
  }

  get(id: GroupId): GroupState | undefined {
    return this.#groups.get(id);
  }

  byName(name: string): GroupState | undefined {
    return this.all().find((group) => group.name === name);
  }

  apply(index: LogIndex, command: GroupCommand): void {
    switch (command.op) {
      case "create":
        this.#create(index, command);
        return;
      case "delete":
        if (this.#groups.delete(command.group)) this.#changed.set(command.group, undefined);
        return;
      case "reset":
        this.#reset(command);
        return;
      case "acquire":
        this.#acquire(index, command);
        return;
      case "release":
        this.#updateLane(command.group, command.lane, (lane) =>
          lane.token === command.token ? { ...NOBODY, position: lane.position } : lane,
        );
        return;
      case "commit":
        for (const { group, lane, token, position } of command.positions)
          this.#updateLane(group, lane, (found) =>
            found.token === token && position > found.position ? { ...found, position } : found,
          );
        return;
      default:
        command satisfies never;
    }
  }

  #create(
    index: LogIndex,
    { name, settings, lanes, position }: GroupCommand & { op: "create" },
  ): void {
    if (this.#groups.size >= GROUPS_MAX || this.byName(name) !== undefined) return;
    const made = Array.from({ length: lanes }, () => ({ ...NOBODY, position }));
    this.#set({ id: index, name, settings, begin: position, feeds: "", lanes: made });
  }

  /** Whoever consumes has to begin again: what it has in hand is not what comes next. */
  #reset({ group: id, position }: GroupCommand & { op: "reset" }): void {
    const group = this.#groups.get(id);
    if (group === undefined) return;
    const begin = position < group.begin ? position : group.begin;
    this.#set({ ...group, begin, lanes: group.lanes.map(() => ({ ...NOBODY, position })) });
  }

  #acquire(index: LogIndex, command: GroupCommand & { op: "acquire" }): void {
    const { group: id, lane: at, member, feeds, fed, previous } = command;
    const group = this.#groups.get(id);
    const lane = group?.lanes[at];
    if (group === undefined || lane === undefined || lane.token !== previous) return;
    // Somebody who feeds another thing has come in since: two that ask at the same time do not see each other.
    if (group.feeds !== feeds && group.feeds !== fed) return;
    const taken = { ...lane, token: index, member };
    this.#set({ ...group, feeds, lanes: group.lanes.with(at, taken) });
  }

  #updateLane(id: GroupId, number: number, change: (lane: LaneState) => LaneState): void {
    this.#update(id, (lane, at) => (at === number ? change(lane) : lane));
  }

  #update(id: GroupId, change: (lane: LaneState, at: number) => LaneState): void {
    const group = this.#groups.get(id);
    if (group !== undefined) this.#set({ ...group, lanes: group.lanes.map(change) });
  }

  #set(group: GroupState): void {
    this.#groups.set(group.id, group);
    this.#changed.set(group.id, group);
  }

  /** The groups that changed since the last call, for the store; undefined means deleted. */
  takeChanged(): ReadonlyMap<GroupId, GroupState | undefined> {
    const changed = this.#changed;
    this.#changed = new Map();
    return changed;
  }
}
