// Goal: which limit ended a message is told right, at both sides of each limit, and what was sent is counted by size.
import type { AppendEntries } from "@annals/raft";
import { expect, it } from "vitest";
import { StreamFigures } from "../src/streamFigures.ts";
import { append } from "./loopback.ts";

/** What an entry counts beside its payload. */
const OVERHEAD = 16;

function message(index: number, entryBytes: number, entries: number): AppendEntries {
  const made = append(index, entryBytes, entries);
  if (made.kind !== "appendEntries") throw new RangeError(made.kind);
  return made;
}

function cutsOf(...messages: readonly AppendEntries[]): unknown {
  const figures = new StreamFigures({ maxEntries: 4, maxBytes: 200 });
  for (const one of messages) figures.message(one);
  return figures.read().cuts;
}

const none = { entries: 0, bytes: 0, credit: 0 };

it.each<[string, readonly AppendEntries[], object]>([
  [
    "as many entries as may be, and more follow",
    [message(1, 4, 4), message(5, 4, 1)],
    { entries: 1 },
  ],
  ["one entry less", [message(1, 4, 3), message(4, 4, 1)], {}],
  [
    "the next entry would not have fitted",
    [message(1, 100 - OVERHEAD, 2), message(3, 1, 1)],
    { bytes: 1 },
  ],
  [
    "the next entry would have fitted to the byte",
    [message(1, 100 - OVERHEAD, 1), message(2, 100 - OVERHEAD, 1)],
    {},
  ],
  ["both limits at once count as entries", [message(1, 34, 4), message(5, 34, 1)], { entries: 1 }],
  ["as many entries as may be, and nothing follows", [message(1, 4, 4)], {}],
  ["what follows is sent again from before", [message(1, 4, 4), message(3, 4, 2)], {}],
  [
    "without entries nothing ends",
    [message(1, 4, 4), message(5, 4, 0), message(5, 4, 1)],
    { entries: 1 },
  ],
])("%s", (_what, messages, cuts) => {
  expect(cutsOf(...messages)).toEqual({ ...none, ...cuts });
});

it("counts messages by their entries and bytes", () => {
  const figures = new StreamFigures({ maxEntries: 64, maxBytes: 1 << 22 });
  for (const [entries, bytes] of [
    [1, 1024 - OVERHEAD],
    [1, 1025 - OVERHEAD],
    [5, 0],
    [20_000, 0],
  ] as const)
    figures.message(message(1, bytes, entries));
  figures.outOfCredit();
  const { cuts, entries, bytes } = figures.read();
  expect(cuts).toEqual({ ...none, credit: 1 });
  expect(entries.upTo).toMatchObject({ 1: 2, 4: 2, 16: 3, 16384: 3, "+Inf": 4 });
  expect(entries.sum).toBe(20_007);
  expect(bytes.upTo).toMatchObject({ 1024: 2, 4096: 3, 262144: 3, 1048576: 4, "+Inf": 4 });
});
