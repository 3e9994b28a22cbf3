// Goal: every position that was added comes into the log, however many lanes there are, and whoever added it is told. Method: commands that
// the test applies to lanes of its own.
import { asIndex } from "@annals/raft";
import type { LogIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import type { Seq } from "@annals/record";
import { beforeEach, expect, test } from "vitest";
import type { GroupCommand } from "../src/groupCommand.ts";
import { GroupCommits } from "../src/groupCommits.ts";
import { fenced } from "../src/groupErrors.ts";

const GROUPS = 20;
const LANES = 64;
const TOKEN = 7;

let positions: Map<string, Seq>;
let commands: { readonly lanes: number; readonly apply: () => void }[];
let commits: GroupCommits;

beforeEach(() => {
  positions = new Map();
  commands = [];
  commits = new GroupCommits({
    propose: (command) =>
      new Promise<LogIndex>((resolve) => {
        commands.push(pending(command, () => resolve(asIndex(1))));
      }),
    lane: (group, lane) => ({
      position: positions.get(`${group}:${lane}`) ?? asSeq(0),
      token: TOKEN,
      member: "m",
    }),
  });
});

function pending(command: GroupCommand, done: () => void) {
  if (command.op !== "commit") throw new Error(`a command ${command.op}`);
  const apply = (): void => {
    for (const { group, lane, position } of command.positions)
      positions.set(`${group}:${lane}`, position);
    done();
  };
  return { lanes: command.positions.length, apply };
}

function add(group: number, lane: number, position: number): Promise<Seq> {
  const at = { group: asIndex(group), lane, token: TOKEN, position: asSeq(position) };
  return commits.add(at, () => fenced("g", lane));
}

test("more lanes than one command takes go in several, one at a time, and none is forgotten", async () => {
  const added: Promise<Seq>[] = [];
  for (let group = 1; group <= GROUPS; group++)
    for (let lane = 0; lane < LANES; lane++) added.push(add(group, lane, group));
  let lanes = 0;
  while (lanes < GROUPS * LANES) {
    commits.flush();
    commits.flush();
    expect(commands).toHaveLength(1);
    const command = commands.shift();
    lanes += command?.lanes ?? 0;
    command?.apply();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const told = await Promise.all(added);
  expect(told).toEqual(Array.from({ length: GROUPS * LANES }, (_, k) => Math.floor(k / LANES) + 1));
  commits.flush();
  expect(commands).toEqual([]);
});

test("the latest position of a lane is told to all who added one", async () => {
  const added = [add(1, 0, 3), add(1, 0, 9), add(1, 0, 5)];
  commits.flush();
  expect(commands).toMatchObject([{ lanes: 1 }]);
  commands[0]?.apply();
  expect(await Promise.all(added)).toEqual([9, 9, 9]);
});
