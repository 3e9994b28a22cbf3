// Goal: no AppendEntries is too large for a receiver, whatever the sender's configuration says. Method: messages of any length, there and
// back.
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { AppendEntries, Entry } from "@annals/raft";
import { APPEND_ENTRIES_MAX, decodeMessages, encodeMessages } from "@annals/wire";
import { expect, test } from "vitest";

/** Entries above index 7, of two terms. */
function append(count: number): AppendEntries {
  const entries = Array.from({ length: count }, (_, k): Entry => {
    const term = asTerm(k < count / 2 ? 2 : 3);
    return { index: asIndex(8 + k), term, kind: "records", data: Uint8Array.of(k % 256) };
  });
  return {
    kind: "appendEntries",
    from: asMemberId(1),
    to: asMemberId(2),
    term: asTerm(3),
    prevLogIndex: asIndex(7),
    prevLogTerm: asTerm(1),
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
});
