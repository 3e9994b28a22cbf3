// Goal: no AppendEntries is too large for a receiver, whatever the sender's configuration says. Method: messages of any length, there and
// back.
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { AppendEntries, Entry } from "@annals/raft";
import { expect, test } from "vitest";
import { APPEND_ENTRIES_MAX } from "../src/entries.ts";
import { decodeMessages, encodeMessages } from "../src/messages.ts";

function hashAt(index: number): Uint8Array {
  return new Uint8Array(32).fill(index % 251);
}

/** Entries above index 7, of two terms. */
function append(count: number): AppendEntries {
  const entries = Array.from({ length: count }, (_, k): Entry => {
    const term = asTerm(k < count / 2 ? 2 : 3);
    const link = { previousHash: hashAt(7 + k), hash: hashAt(8 + k) };
    return { index: asIndex(8 + k), term, kind: "records", data: Uint8Array.of(k % 256), link };
  });
  return {
    kind: "appendEntries",
    from: asMemberId(1),
    to: asMemberId(2),
    term: asTerm(3),
    prevLogIndex: asIndex(7),
    prevLogTerm: asTerm(1),
    prevLogHash: hashAt(7),
    leaderCommit: asIndex(5),
    entries,
  };
}

function asText({ index, term, kind, data }: Entry): string {
  return `${index} ${term} ${kind} ${data.join()}`;
}

test.each([0, 1, 63, 64, 65, 128, 129, 20_000])(
  "%i entries travel, none in a message that is too long",
  (count) => {
    const sent = append(count);
    const pieces = decodeMessages(encodeMessages([sent])).filter(
      (message) => message.kind === "appendEntries",
    );
    expect(pieces).toHaveLength(Math.max(1, Math.ceil(count / APPEND_ENTRIES_MAX)));
    expect(Math.max(...pieces.map(({ entries }) => entries.length))).toBeLessThanOrEqual(
      APPEND_ENTRIES_MAX,
    );
    expect(pieces.flatMap(({ entries }) => entries.map(asText))).toEqual(sent.entries.map(asText));
  },
);

test("each piece follows the one before it, and says the rest as the whole does", () => {
  const sent = append(150);
  const [first, second, third] = decodeMessages(encodeMessages([sent]));
  expect(first).toMatchObject({ prevLogIndex: 7, prevLogTerm: 1, leaderCommit: 5, term: 3 });
  expect(second).toMatchObject({ prevLogIndex: 7 + 64, prevLogTerm: 2, leaderCommit: 5, term: 3 });
  expect(third).toMatchObject({ prevLogIndex: 7 + 128, prevLogTerm: 3, leaderCommit: 5, term: 3 });
  const hashes = [first, second, third].map((piece) =>
    piece?.kind === "appendEntries" ? Buffer.from(piece.prevLogHash ?? []) : undefined,
  );
  expect(hashes).toEqual([7, 7 + 64, 7 + 128].map((index) => Buffer.from(hashAt(index))));
});

test("a piece without the hash before it is a bug of the sender, for every follower would refuse it", () => {
  const bare = append(65);
  const entries = bare.entries.map(({ index, term, kind, data }) => ({ index, term, kind, data }));
  expect(() => encodeMessages([{ ...bare, entries }])).toThrow(/entry 72 comes without/);
});
