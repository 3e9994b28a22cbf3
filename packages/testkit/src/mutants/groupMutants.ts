import { asIndex } from "@annals/raft";
import type { LogIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import { GroupTable } from "@annals/replica";
import type { Mutant } from "./mutant.ts";

type Apply = GroupTable["apply"];
type Command = Parameters<Apply>[1];

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
];

/** The lane is where the late commit says; everything else is as before, made again command by command. */
function rewind(
  table: GroupTable,
  apply: Apply,
  index: LogIndex,
  at: { readonly group: LogIndex; readonly lane: number; token: number; position: number },
): void {
  const { group } = at;
  const lanes = table.get(group)?.lanes ?? [];
  const late = lanes[at.lane];
  if (late === undefined || late.token !== at.token || at.position >= late.position) return;
  apply(index, { op: "reset", group, position: asSeq(0) });
  for (const [lane, { member, token: held, position: before }] of lanes.entries()) {
    const token = held === 0 ? 1 : held;
    const position = asSeq(lane === at.lane ? at.position : before);
    apply(asIndex(token), { op: "acquire", group, lane, member, feeds: "", previous: 0 });
    apply(index, { op: "commit", positions: [{ group, lane, token, position }] });
    if (held === 0) apply(index, { op: "release", group, lane, token });
  }
}

function patchApply(
  instead: (table: GroupTable, apply: Apply, index: LogIndex, command: Command) => void,
): () => void {
  const { prototype } = GroupTable;
  const original = Object.getOwnPropertyDescriptor(prototype, "apply");
  if (original === undefined) throw new Error("the group table has no apply");
  const apply: Apply = original.value;
  Object.defineProperty(prototype, "apply", {
    ...original,
    value(this: GroupTable, index: LogIndex, command: Command) {
      instead(this, apply.bind(this), index, command);
    },
  });
  return () => void Object.defineProperty(prototype, "apply", original);
}
