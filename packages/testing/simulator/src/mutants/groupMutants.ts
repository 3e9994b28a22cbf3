import { asIndex } from "@annals/raft";
import type { LogIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import { GroupDesk, GroupTable } from "@annals/replica";
import type { Mutant } from "../world/mutant.ts";

type Apply = GroupTable["apply"];
type Command = Parameters<Apply>[1];
type Acquire = GroupDesk["acquire"];
type ByName = GroupTable["byName"];

/** FAULT MODULE: bugs in what the commands of groups do. */
export const GROUP_MUTANTS: readonly Mutant[] = [
  {
    name: "group-token-unchecked",
    bug: "whoever once held a lane may still move its position",
    install: () =>
      patchApply((table, apply, index, command) => {
        if (command.op !== "commit") return apply(index, command);
        const positions = command.positions.map((at) => {
          const token = table.get(at.group)?.lanes[at.lane]?.token;
          return token === undefined || token === 0 ? at : { ...at, token };
        });
        return apply(index, { ...command, positions });
      }),
  },
  {
    name: "group-position-falls",
    bug: "a commit sets the position of its lane back",
    install: () =>
      patchApply((table, apply, index, command) => {
        apply(index, command);
        if (command.op !== "commit") return;
        for (const at of command.positions) rewind(table, apply, index, at);
      }),
  },
  {
    name: "group-begin-rises",
    bug: "a group that is set forward has begun there",
    install: () =>
      patchApply((table, apply, index, command) => {
        const group = command.op === "reset" ? table.get(command.group) : undefined;
        if (command.op !== "reset" || group === undefined) return apply(index, command);
        const { id, name, settings, lanes, feeds } = group;
        apply(index, { op: "delete", group: id });
        const { position } = command;
        apply(id, { op: "create", name, settings, lanes: lanes.length, position });
        feed(table, apply, id, feeds);
      }),
  },
  {
    name: "group-feeds-stays",
    bug: "a group feeds for good what its first member has fed",
    install: () =>
      patchApply((table, apply, index, command) => {
        const feeds = command.op === "acquire" ? table.get(command.group)?.feeds : undefined;
        apply(index, command);
        if (command.op !== "acquire" || feeds === undefined || feeds === "") return;
        if (table.get(command.group)?.feeds !== feeds) feed(table, apply, command.group, feeds);
      }),
  },
  {
    name: "group-feeds-race",
    bug: "of members that ask at the same time each gets a lane, whatever it feeds",
    install: () =>
      patchApply((table, apply, index, command) => {
        if (command.op !== "acquire") return apply(index, command);
        apply(index, { ...command, fed: table.get(command.group)?.feeds ?? "" });
      }),
  },
  {
    name: "group-holder-lives",
    bug: "whoever asks for a lane of the first group is taken for the holder of all of its lanes",
    install: () => {
      let asking: string | undefined;
      const undoAsking = patch(GroupDesk.prototype, "acquire", (acquire: Acquire) => {
        return function instead(this: GroupDesk, name, settings, member, lane, feeds) {
          // Whom it is granted to is decided before it is proposed, in the same turn.
          asking = name === "first" ? member : undefined;
          const granted = acquire.call(this, name, settings, member, lane, feeds);
          asking = undefined;
          return granted;
        } satisfies Acquire;
      });
      const undoFinding = patch(GroupTable.prototype, "byName", (byName: ByName) => {
        return function instead(this: GroupTable, name) {
          const found = byName.call(this, name);
          if (found === undefined || asking === undefined) return found;
          const member = asking;
          return { ...found, lanes: found.lanes.map((lane) => ({ ...lane, member })) };
        } satisfies ByName;
      });
      return () => {
        undoFinding();
        undoAsking();
      };
    },
  },
];

/** The lane is where the late commit says; everything else is as before, made again command by command. */
function rewind(
  table: GroupTable,
  apply: Apply,
  index: LogIndex,
  at: { readonly group: LogIndex; readonly lane: number; token: number; position: number },
): void {
  const { group } = at;
  const { lanes = [], feeds = "" } = table.get(group) ?? {};
  const late = lanes[at.lane];
  if (late === undefined || late.token !== at.token || at.position >= late.position) return;
  apply(index, { op: "reset", group, position: asSeq(0) });
  for (const [lane, { member, token: held, position: before }] of lanes.entries()) {
    const token = held === 0 ? 1 : held;
    const position = asSeq(lane === at.lane ? at.position : before);
    apply(asIndex(token), { op: "acquire", group, lane, member, feeds, fed: feeds, previous: 0 });
    apply(index, { op: "commit", positions: [{ group, lane, token, position }] });
    if (held === 0) apply(index, { op: "release", group, lane, token });
  }
}

/** Makes the group feed something, and leaves its lanes as they are: the first one is granted anew to who has it. */
function feed(table: GroupTable, apply: Apply, group: LogIndex, feeds: string): void {
  const { lanes = [], feeds: fed = "" } = table.get(group) ?? {};
  for (const { member, token: previous } of lanes.slice(0, 1)) {
    const token = previous === 0 ? 1 : previous;
    apply(asIndex(token), { op: "acquire", group, lane: 0, member, feeds, fed, previous });
    if (previous === 0) apply(asIndex(token), { op: "release", group, lane: 0, token });
  }
}

function patchApply(
  instead: (table: GroupTable, apply: Apply, index: LogIndex, command: Command) => void,
): () => void {
  return patch(GroupTable.prototype, "apply", (apply: Apply) => {
    return function applied(this: GroupTable, index, command) {
      instead(this, apply.bind(this), index, command);
    } satisfies Apply;
  });
}

/** Puts another method in the place of one; the result takes it out again. */
function patch<Method>(
  prototype: object,
  name: string,
  wrap: (original: Method) => Method,
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name);
  if (original === undefined) throw new Error(`there is no ${name} to patch`);
  Object.defineProperty(prototype, name, { ...original, value: wrap(original.value) });
  return () => void Object.defineProperty(prototype, name, original);
}
