// Goal: what a leader remembers of the holders of lanes is of those that are there, and a lane with nothing to do stands for nothing.
import { asSeq } from "@annals/record";
import { expect, it } from "vitest";
import type { GroupState } from "../src/groups.ts";
import { GroupWatch } from "../src/groupWatch.ts";

const ID = 1 as GroupState["id"];

function group(position: number): GroupState {
  const lanes = [{ position: asSeq(position), token: 7, member: "m" }];
  return { id: ID, name: "g", settings: "", begin: asSeq(0), feeds: "", lanes };
}

it("forgets the lanes of a group that is gone", () => {
  let groups: readonly GroupState[] = [group(1)];
  const watch = new GroupWatch({ all: () => groups }, () => 0);
  watch.look(asSeq(5));
  expect(watch.silentMs(ID, 0, 7)).toBe(0);
  groups = [];
  watch.look(asSeq(5));
  expect(watch.silentMs(ID, 0, 7)).toBeUndefined();
  expect(watch.stillMs(ID, 0)).toBeUndefined();
});

it.each([
  ["behind the end it stands still", 4, 60],
  ["at the end it has nothing to do", 5, 0],
])("of a lane whose position does not move: %s", (_what, position, stillMs) => {
  let now = 0;
  const watch = new GroupWatch({ all: () => [group(position)] }, () => now);
  watch.look(asSeq(5));
  now = 60;
  watch.look(asSeq(5));
  expect(watch.stillMs(ID, 0)).toBe(stillMs);
});
