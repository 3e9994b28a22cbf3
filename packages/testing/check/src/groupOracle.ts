import { decodeGroupCommand, isGroupCommand } from "@annals/replica";
import type { GroupCommand, GroupId, GroupView, LaneGrant } from "@annals/replica";
import type { StoredSlot } from "@annals/kit";
import { describe } from "./checker.ts";
import type { Observed, Report } from "./checker.ts";
import type { LaneHolders } from "./laneHolders.ts";

/** A lane from the entry at `index` on. */
interface LaneThen {
  readonly index: number;
  readonly position: number;
  readonly token: number;
  readonly member: string;
}

/** What belongs to the whole group, from the entry at `index` on. */
interface GroupThen {
  readonly index: number;
  readonly begin: number;
  readonly feeds: string;
}

interface Group {
  readonly name: string;
  deletedAt: number;
  /** Everything that it ever was, oldest first. */
  readonly states: GroupThen[];
  /** The same of each lane. */
  readonly lanes: readonly LaneThen[][];
}

type Acquire = GroupCommand & { readonly op: "acquire" };
type Change = (lane: LaneThen) => Omit<LaneThen, "index">;

/**
 * Groups are what the committed commands make of them, in a second and simpler reading: positions fall by a reset only, and only the latest
 * token moves one; a group begins at the lowest position that it was ever set to, and feeds what the member that came last feeds. Every
 * replica's table is that at its applied index; a grant goes to one member, and what was told of a commit is in it.
 */
export class GroupOracle {
  readonly #report: Report;
  readonly #holders: LaneHolders;
  readonly #groups = new Map<GroupId, Group>();
  readonly #tokens = new Set<number>();
  readonly #acquired = new Map<number, Acquire>();

  constructor(report: Report, holders: LaneHolders) {
    this.#report = report;
    this.#holders = holders;
  }

  /** An entry was committed; called in the order of the log. */
  committed({ entry: { index, kind, data } }: StoredSlot): void {
    if (kind !== "command" || !isGroupCommand(data)) return;
    const command = decodeGroupCommand(data);
    switch (command.op) {
      case "create":
        this.#create(index, command);
        return;
      case "delete": {
        const group = this.#groups.get(command.group);
        if (group !== undefined) group.deletedAt = Math.min(group.deletedAt, index);
        return;
      }
      case "reset":
        this.#reset(index, command);
        return;
      case "acquire":
        this.#acquire(index, command);
        return;
      case "release":
        this.#change(index, command, command.token, ({ position }) => free(position));
        return;
      case "commit":
        for (const at of command.positions)
          this.#change(index, at, at.token, (lane) => ({
            ...lane,
            position: Math.max(lane.position, at.position),
          }));
        return;
      default:
        command satisfies never;
    }
  }

  #create(index: GroupId, command: GroupCommand & { readonly op: "create" }): void {
    const { name, position, lanes: count } = command;
    const exists = [...this.#groups.values()].some(
      (group) => group.name === name && group.deletedAt === Infinity,
    );
    if (exists) return;
    const states = [{ index, begin: position, feeds: "" }];
    const lanes = Array.from({ length: count }, () => [{ index, ...free(position) }]);
    this.#groups.set(index, { name, deletedAt: Infinity, states, lanes });
  }

  #reset(index: number, command: GroupCommand & { readonly op: "reset" }): void {
    const { position } = command;
    const group = this.#groups.get(command.group);
    const last = group?.states.at(-1);
    if (group === undefined || last === undefined) return;
    group.states.push({ ...last, index, begin: Math.min(last.begin, position) });
    for (const lane of group.lanes) lane.push({ index, ...free(position) });
  }

  #acquire(index: number, command: Acquire): void {
    const { member, feeds, fed, previous } = command;
    const states = this.#groups.get(command.group)?.states;
    const last = states?.at(-1);
    if (states === undefined || last === undefined) return;
    if (last.feeds !== feeds && last.feeds !== fed) return;
    const taken = this.#change(index, command, previous, ({ position }) => ({
      position,
      token: index,
      member,
    }));
    if (!taken) return;
    states.push({ ...last, index, feeds });
    this.#acquired.set(index, command);
  }

  /** What becomes of a lane, if its token is the expected one; false if it is not. */
  #change(
    index: number,
    { group, lane: number }: { readonly group: GroupId; readonly lane: number },
    expected: number,
    to: Change,
  ): boolean {
    const lane = this.#groups.get(group)?.lanes[number];
    const last = lane?.at(-1);
    if (last === undefined || last.token !== expected) return false;
    lane?.push({ ...to(last), index });
    return true;
  }

  /** A turn of a replica has ended that has applied everything up to `applied`. */
  turned(replica: Observed, applied: number, views: readonly GroupView[]): void {
    if (this.#groups.size === 0 && views.length === 0) return;
    const shown = views.map((view) => tell(view.id, view, view.lanes));
    const expected = [...this.#groups]
      .filter(([id, { deletedAt }]) => id <= applied && applied < deletedAt)
      .map(([id, { states, lanes }]) =>
        tell(
          id,
          stateAt(states, applied),
          lanes.map((lane) => stateAt(lane, applied)),
        ),
      );
    const differs = shown.toSorted().join() !== expected.toSorted().join();
    if (differs)
      this.#report(
        "groups as the log says",
        `${describe(replica)} at ${applied} has ${shown.join(" ")}, the log says ${expected.join(" ")}`,
      );
  }

  /** A member was told that it has a lane, for which it had asked the leader `by` at `askedUs`. */
  granted({ lane, token, position, begin }: LaneGrant, by: string, askedUs: number): void {
    if (this.#tokens.has(token)) this.#report("one holder a token", `${token} was granted twice`);
    this.#tokens.add(token);
    const found = this.#find(token, lane).find(({ index }) => index === token);
    const command = this.#acquired.get(token);
    const group = command && this.#groups.get(command.group);
    const began = group && stateAt(group.states, token)?.begin;
    if (found?.position !== position || began !== begin)
      this.#report(
        "a grant is committed",
        `lane ${lane} was granted by ${token} behind ${position} of a group that begins at ${begin}, ` +
          `the log says ${found?.position} and ${began}`,
      );
    if (command !== undefined && group !== undefined)
      this.#assertNobodyElse(command, group, token, { by, askedUs });
  }

  /** Whoever holds the lane must have been silent for a lease; and whoever holds any, if the group is to feed another thing. */
  #assertNobodyElse(
    { member, lane: taken, feeds, fed }: Acquire,
    { lanes }: Group,
    token: number,
    { by, askedUs }: { readonly by: string; readonly askedUs: number },
  ): void {
    for (const [number, lane] of lanes.entries()) {
      const before = stateAt(lane, token - 1);
      const counts = number === taken || feeds !== fed;
      if (before === undefined || before.token === 0 || before.member === member) continue;
      if (counts && this.#holders.lives(before.token, by, askedUs))
        this.#report(
          "one holder a lane",
          `${token} for "${feeds}" was granted beside lane ${number} of ${before.token} for "${fed}", which lives`,
        );
    }
  }

  /** A member was told that its lane stands at `position`, which it had asked to be `asked` at least. */
  acknowledged({ lane, token }: LaneGrant, asked: number, position: number): void {
    const found = this.#find(token, lane).some((one) => one.position === position);
    if (!found || position < asked)
      this.#report(
        "a commit survives",
        `lane ${lane} was told to be at ${position} of ${asked} with ${token}: not in the log`,
      );
  }

  /** What a lane was while this token held it. */
  #find(token: number, number: number): readonly LaneThen[] {
    return [...this.#groups.values()].flatMap(({ lanes }) =>
      (lanes[number] ?? []).filter((lane) => lane.token === token),
    );
  }
}

function free(position: number): Omit<LaneThen, "index"> {
  return { position, token: 0, member: "" };
}

function stateAt<T extends { readonly index: number }>(
  states: readonly T[],
  at: number,
): T | undefined {
  return states.findLast(({ index }) => index <= at);
}

function tell(
  id: GroupId,
  group: Omit<GroupThen, "index"> | undefined,
  lanes: readonly (Omit<LaneThen, "index"> | undefined)[],
): string {
  const told = lanes.map((lane) => `${lane?.position}/${lane?.token}/${lane?.member}`);
  return `${id}:${group?.begin}/${group?.feeds}[${told.join(" ")}]`;
}
