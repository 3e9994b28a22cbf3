// Goal: a core begins from what the disk says, and refuses what cannot be. Method: a log as a crash may have left it, then a new core on it.
import { describe, expect, test } from "vitest";
import { asMemberId } from "../src/types.ts";
import { RaftConfigError } from "../src/checkConfig.ts";
import { RaftCore } from "../src/core.ts";
import { CONFIG, entriesOf, Member, requestVote } from "./support/member.ts";
import { MemoryLog } from "./support/memoryLog.ts";

describe("a restart", () => {
  // Keeps R2.
  test("keeps term and vote, and applies again what was not recorded as applied", () => {
    const member = new Member(1, {
      log: entriesOf(1, 1, 1),
      term: 4,
      votedFor: 3,
      commitIndex: 3,
      config: { applied: 1 },
    });
    expect(member.core.status()).toMatchObject({
      term: 4,
      votedFor: 3,
      commitIndex: 3,
      applied: 1,
    });
    member.receive(requestVote(2, 1, 4, { index: 9, term: 4 }));
    expect(member.takeSent()).toMatchObject([{ rejected: true }]);
    expect(member.applied.map(({ index }) => index)).toEqual([2, 3]);
  });

  test("knows that what was applied was committed, even if the commit index was not written yet", () => {
    const { core } = new Member(1, {
      log: entriesOf(1, 1),
      commitIndex: 1,
      config: { applied: 2 },
    });
    expect(core.status()).toMatchObject({ commitIndex: 2, applied: 2 });
  });

  // Keeps R17.
  test.each([
    { name: "a commit index", commitIndex: 3, applied: 0 },
    { name: "an applied index", commitIndex: 0, applied: 3 },
  ])("with $name beyond the log is refused", ({ commitIndex, applied }) => {
    const options = { log: entriesOf(1, 1), commitIndex, config: { applied } };
    expect(() => new Member(1, options)).toThrow(/beyond the last index 2/);
  });
});

describe("settings", () => {
  const wrong = {
    id: asMemberId(0),
    electionTicks: 1,
    maxAppendEntries: 0,
    maxInflightMessages: 0,
    maxInflightBytes: 5,
    maxAppendBytes: 10,
    readOnly: "lease",
  } as const;

  test("that do not fit are refused, all at once, with the numbers", () => {
    const make = (): RaftCore => new RaftCore({ ...CONFIG, ...wrong }, new MemoryLog());
    expect(make).toThrow(RaftConfigError);
    expect(make).toThrow(
      /id 0 .*maxAppendEntries 0 .*maxInflightMessages 0 .*electionTicks 1 .*maxInflightBytes 5 .*10.*lease needs checkQuorum/,
    );
  });
});
