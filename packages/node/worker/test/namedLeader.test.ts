import { asMemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { expect, test } from "vitest";
import { withNamedLeader } from "../src/namedLeader.ts";

const MEMBERS = [
  { node: "a", member: asMemberId(11) },
  { node: "b", member: asMemberId(12) },
];

const notLeader = (leader: number): AnnalsError =>
  new AnnalsError("ERR_NOT_LEADER", "this node does not lead the log", {
    retryable: true,
    details: { leader },
  });

test.each([
  [12, { leader: "b" }],
  [13, {}],
  [0, {}],
])(
  "clients read the name of the node that leads, never the number of member %i",
  (leader, details) => {
    expect(withNamedLeader(notLeader(leader), MEMBERS)).toMatchObject({
      code: "ERR_NOT_LEADER",
      message: "this node does not lead the log",
      retryable: true,
      details,
    });
    expect(JSON.stringify(withNamedLeader(notLeader(leader), MEMBERS))).not.toContain(`${leader}`);
  },
);

test("any other error stays what it is", () => {
  const error = new AnnalsError("ERR_OVERLOADED", "full", { details: { leader: 12 } });
  expect(withNamedLeader(error, MEMBERS)).toBe(error);
  expect(withNamedLeader("text", MEMBERS)).toBe("text");
});
