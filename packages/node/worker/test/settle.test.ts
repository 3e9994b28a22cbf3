// Goal: after a write of which the end is not known a log is served only with what was flushed before, and with nothing that is not flushed.
// Method: a store that shows what the test says.
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { HardState } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import { expect, test } from "vitest";
import { settle } from "../src/settle.ts";

interface Shown {
  readonly last: number;
  readonly term: number;
  readonly votedFor: number;
}

const BEFORE: Shown = { last: 5, term: 3, votedFor: 1 };
const UNVOTED: Shown = { ...BEFORE, votedFor: 0 };

function hardStateOf({ term, votedFor }: Shown): HardState {
  return { term: asTerm(term), votedFor: asMemberId(votedFor), commitIndex: asIndex(4) };
}

/** What is written before a log that shows this is served. */
async function written(shown: Shown, before = BEFORE): Promise<readonly WriteCycle[]> {
  const cycles: WriteCycle[] = [];
  const store = {
    initialState: () => ({
      hardState: hardStateOf(shown),
      membership: {
        voters: [asMemberId(1)],
        votersOutgoing: [],
        learners: [],
        learnersNext: [],
        autoLeave: false,
      },
    }),
    lastIndex: () => asIndex(shown.last),
    write: (cycle: WriteCycle) => {
      cycles.push(cycle);
      return Promise.resolve();
    },
  };
  await settle(store, { index: asIndex(before.last), hardState: hardStateOf(before) });
  return cycles;
}

test("a log that shows what was flushed needs no write", async () => {
  expect(await written(BEFORE)).toEqual([]);
});

test.each([
  ["entries", { ...BEFORE, last: 6 }, BEFORE],
  ["a term", { ...BEFORE, term: 4 }, BEFORE],
  ["a vote", { ...BEFORE, votedFor: 2 }, UNVOTED],
] as const)(
  "%s of the write that failed are flushed before anybody relies on them",
  async (_what, shown, before) => {
    expect(await written(shown, before)).toEqual([
      { entries: [], hardState: hardStateOf(shown), applied: undefined },
    ]);
  },
);

test.each([
  ["entries", { ...BEFORE, last: 4 }],
  ["a term", { ...BEFORE, term: 2 }],
  ["a vote", UNVOTED],
])("a log that has lost %s is damaged", async (_what, shown) => {
  await expect(written(shown)).rejects.toMatchObject({ code: "ERR_LOG_DAMAGED" });
});
