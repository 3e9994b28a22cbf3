/** Goal: whoever leads `_system` records each replaced disk, and nothing else. Method: a roster and connections as the test says. */
import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { decodeCommand, Roster } from "@annals/system";
import type { SystemCommand } from "@annals/system";
import pino from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Replacements } from "../src/replacements.ts";

let roster: Roster;
let connected: Map<string, MemberId>;
let leading: boolean;
let committed: SystemCommand[];
let refuse: boolean;
let replacements: Replacements;

beforeEach(() => {
  vi.useFakeTimers();
  const members = [1, 2, 3].map((member, k) => ({
    node: "abc".charAt(k),
    member: asMemberId(member),
  }));
  roster = new Roster(members);
  connected = new Map([
    ["b", asMemberId(2)],
    ["c", asMemberId(3)],
  ]);
  [leading, refuse, committed] = [true, false, []];
  replacements = new Replacements({
    roster,
    connected: () => connected,
    leading: () => leading,
    commit: async (data) => {
      if (refuse) throw new Error("no quorum");
      committed.push(decodeCommand(data));
    },
    logger: pino({ level: "silent" }),
  });
});
afterEach(() => {
  replacements.close();
  vi.useRealTimers();
});

const look = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1000);
const replaced = (node: string, member: number): SystemCommand => ({
  op: "replaceMember",
  node,
  member: asMemberId(member),
});

it("records who came back with another disk, and nobody who has the known one", async () => {
  await look();
  expect(committed).toEqual([]);
  connected.set("b", asMemberId(8));
  connected.set("c", asMemberId(9));
  await look();
  expect(committed).toEqual([replaced("b", 8), replaced("c", 9)]);
});

it("leaves that to the leader", async () => {
  leading = false;
  connected.set("b", asMemberId(9));
  await look();
  expect(committed).toEqual([]);
});

it("takes no disk back that was replaced", async () => {
  roster.replace("b", asMemberId(9));
  await look();
  expect(committed).toEqual([]);
});

it("tries again what could not be recorded, after the others", async () => {
  refuse = true;
  connected.set("b", asMemberId(8));
  await look();
  refuse = false;
  await look();
  expect(committed).toEqual([replaced("b", 8)]);
});

it("looks no more after its end", () => {
  replacements.close();
  expect(vi.getTimerCount()).toBe(0);
});
