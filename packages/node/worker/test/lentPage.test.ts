/**
 * Goal: a peer that repairs its log gets what is intact here, within limits, and no word more than is known. Method: a store in memory, of
 * which the test damages an entry.
 */
import { asIndex, asTerm } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { beforeEach, expect, it, test } from "vitest";
import { mustLoad } from "@annals/kit";
import type { HostedLog } from "../src/hostedLog.ts";
import { storedPage } from "../src/lentPage.ts";
import type { LentPage } from "../src/lentPage.ts";
import { pageLimits } from "../src/pageLimits.ts";
import { replayCommands } from "../src/replayCommands.ts";

const LAST = 9;
const BYTES = 10;
const DAMAGE = new AnnalsError("ERR_ENTRY_DAMAGED", "no");

let damagedAt: number;
let role: string;
let told: unknown[];

beforeEach(() => {
  [damagedAt, role, told] = [0, "follower", []];
});

const hashOf = (index: number): Uint8Array => Uint8Array.of(index);

function entryOf(index: number) {
  if (index === damagedAt) throw DAMAGE;
  if (index > LAST) return undefined;
  const kind = index % 4 === 0 ? "command" : "records";
  return { entry: { index, kind, data: new Uint8Array(BYTES).fill(index) }, hash: hashOf(index) };
}

const store = {
  firstIndex: () => 1,
  appliedIndex: () => 8,
  storedEntry: entryOf,
  hashAt: hashOf,
};

function page(from: number, to: number, maxEntries = 100, maxBytes = 1000): LentPage {
  const replica = { status: () => ({ raft: { commitIndex: 7, lastIndex: LAST, role, term: 3 } }) };
  const log = { store, replica } as unknown as Pick<HostedLog, "store" | "replica">;
  const range = { from: asIndex(from), to: asIndex(to), maxEntries, maxBytes };
  return storedPage(log, range, (error) => void told.push(error));
}

const indexes = ({ entries }: LentPage): readonly number[] => entries.map(({ index }) => index);

test.each([
  ["the range, both ends included", [3, 5], [3, 4, 5]],
  ["one entry", [4, 4], [4]],
  ["up to the end of the log", [8, 20], [8, 9]],
  ["nothing behind the end", [10, 20], []],
  ["no more than so many entries", [1, 9, 4], [1, 2, 3, 4]],
  ["no more than so many bytes", [1, 9, 100, 3 * BYTES], [1, 2, 3]],
  ["one byte less, one entry less", [1, 9, 100, 3 * BYTES - 1], [1, 2]],
  ["one entry that is larger alone", [1, 9, 100, 1], [1]],
])("%s", (_what, [from = 0, to = 0, maxEntries, maxBytes], expected) => {
  expect(indexes(page(from, to, maxEntries, maxBytes))).toEqual(expected);
});

it("says what the first entry chains to, how far the log is committed, and whether it leads", () => {
  const follower = page(3, 5);
  expect(follower).toMatchObject({ previousHash: hashOf(2), commitIndex: 7, leads: 0 });
  role = "leader";
  expect(page(3, 5)).toMatchObject({ commitIndex: 7, leads: asTerm(3) });
  expect(page(10, 20).previousHash).toBeUndefined();
});

it("what is intact before damage is lent, and the damage is told", () => {
  damagedAt = 5;
  const lent = page(3, 9);
  expect(indexes(lent)).toEqual([3, 4]);
  // With nothing to hold them against, they prove nothing of what is committed.
  expect(lent).toMatchObject({ commitIndex: 0, leads: 0 });
  expect(lent.previousHash).toBeUndefined();
  expect(told).toEqual([DAMAGE]);
});

it("the limits of a page are in entries, and in the bytes of a message", () => {
  const config = mustLoad({ text: "data: /d\nreplication: { append: { maxBytes: 3MiB } }\n" });
  expect(pageLimits(config)).toEqual({ maxEntries: 1024, maxBytes: 3 * 2 ** 20 });
});

it("commands are handed out again as far as they were applied, each as its own bytes", () => {
  const sent: unknown[] = [];
  replayCommands(store as never, (message) => void sent.push(message));
  const command = (index: number) => ({
    kind: "command",
    index,
    data: new Uint8Array(BYTES).fill(index),
  });
  expect(sent).toEqual([command(4), command(8)]);
});
