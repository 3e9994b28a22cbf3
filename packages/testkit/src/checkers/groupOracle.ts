import { decodeGroupCommand, isGroupCommand } from "@annals/replica";
import type { GroupId, GroupView, LaneGrant } from "@annals/replica";
import type { StoredSlot } from "../storage/diskImage.ts";
import { describe } from "./checker.ts";
import type { Observed, Report } from "./checker.ts";

/** A lane from the entry at `index` on. */
interface LaneThen {
  readonly index: number;
  readonly position: number;
  readonly token: number;
}

interface Group {
  readonly name: string;
  deletedAt: number;
  /** Of each lane everything that it ever was, oldest first. */
  readonly lanes: readonly LaneThen[][];
}

/**
 * Groups are what the committed commands make of them, in a second and simpler reading: positions fall by a reset only, and only the latest
 * token moves one. Every replica's table is that at its applied index; a grant goes to one member, and what was told of a commit is in it.
 */
export class GroupOracle {
  readonly #report: Report;
  readonly #groups = new Map<GroupId, Group>();
  readonly #tokens = new Set<number>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** An entry was committed; called in the order of the log. */
  committed({ entry: { index, kind, data } }: StoredSlot): void {
    if (kind !== "command" || !isGroupCommand(data)) return;
    const command = decodeGroupCommand(data);
    switch (command.op) {
      case "create": {
        const { name, position } = command;
        const exists = [...this.#groups.values()].some(
          (group) => group.name === name && group.deletedAt === Infinity,
        );
        const lane = { index, position, token: 0 };
        const lanes = Array.from({ length: command.lanes }, () => [lane]);
        if (!exists) this.#groups.set(index, { name, deletedAt: Infinity, lanes });
        return;
      }
      case "delete": {
        const group = this.#groups.get(command.group);
        if (group !== undefined) group.deletedAt = Math.min(group.deletedAt, index);
        return;
      }
      case "reset":
        for (const lane of this.#groups.get(command.group)?.lanes ?? [])
          lane.push({ index, position: command.position, token: 0 });
        return;
      case "acquire":
        this.#change(index, command, command.previous, (position) => [position, index]);
        return;
      case "release":
        this.#change(index, command, command.token, (position) => [position, 0]);
        return;
      case "commit":
        for (const at of command.positions)
          this.#change(index, at, at.token, (position) => [
            Math.max(position, at.position),
            at.token,
          ]);
        return;
      default:
        command satisfies never;
    }
  }

  /** What becomes of a lane's position and token, if that is the one it has. */
  #change(
    index: number,
    { group, lane: number }: { readonly group: GroupId; readonly lane: number },
    expected: number,
    to: (position: number) => readonly [position: number, token: number],
  ): void {
    const lane = this.#groups.get(group)?.lanes[number];
    const last = lane?.at(-1);
    if (last === undefined || last.token !== expected) return;
    const [position, token] = to(last.position);
    lane?.push({ index, position, token });
  }

  /** A turn of a replica has ended that has applied everything up to `applied`. */
  turned(replica: Observed, applied: number, views: readonly GroupView[]): void {
    if (this.#groups.size === 0 && views.length === 0) return;
    const shown = views.map(({ id, lanes }) => tell(id, lanes));
    const expected = [...this.#groups]
      .filter(([id, { deletedAt }]) => id <= applied && applied < deletedAt)
      .map(([id, { lanes }]) =>
        tell(
          id,
          lanes.map((lane) => lane.findLast(({ index }) => index <= applied)),
        ),
      );
    const differs = shown.toSorted().join() !== expected.toSorted().join();
    if (differs)
      this.#report(
        "groups as the log says",
        `${describe(replica)} at ${applied} has ${shown.join(" ")}, the log says ${expected.join(" ")}`,
      );
  }

  /** A member was told that it has a lane. */
  granted({ lane, token, position }: LaneGrant): void {
    if (this.#tokens.has(token)) this.#report("one holder a token", `${token} was granted twice`);
    this.#tokens.add(token);
    const found = this.#find(token, lane).find(({ index }) => index === token);
    if (found?.position !== position)
      this.#report(
        "a grant is committed",
        `lane ${lane} was granted by ${token} behind ${position}, the log says ${found?.position}`,
      );
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

function tell(
  id: GroupId,
  lanes: readonly (Pick<LaneThen, "position" | "token"> | undefined)[],
): string {
  return `${id}:[${lanes.map((lane) => `${lane?.position}/${lane?.token}`).join(" ")}]`;
}
