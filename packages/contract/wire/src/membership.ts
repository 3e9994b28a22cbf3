import { asMemberId } from "@annals/raft";
import type { MemberId, MembershipState } from "@annals/raft";
import type { MsgpackCursor } from "./msgpackCursor.ts";
import type { Packable } from "./pack.ts";

/** Members of one list of a membership; far beyond what a Raft group can work with. */
export const MEMBERS_MAX = 1024;

/** `[voters, votersOutgoing, learners, learnersNext, autoLeave]`; used by messages and by stored state. */
export function packMembership(state: MembershipState): Packable {
  return [state.voters, state.votersOutgoing, state.learners, state.learnersNext, state.autoLeave];
}

export function readMembership(cursor: MsgpackCursor): MembershipState {
  cursor.tuple("membership", 5);
  return {
    voters: readMembers(cursor, "voters"),
    votersOutgoing: readMembers(cursor, "votersOutgoing"),
    learners: readMembers(cursor, "learners"),
    learnersNext: readMembers(cursor, "learnersNext"),
    autoLeave: cursor.boolean("autoLeave"),
  };
}

/** Ids must be positive and ascend: a list has one form only. */
function readMembers(cursor: MsgpackCursor, what: string): readonly MemberId[] {
  const count = cursor.array(what, MEMBERS_MAX);
  const members: MemberId[] = [];
  let previous = 0;
  for (let k = 0; k < count; k++) {
    const id = cursor.uint(what);
    if (id <= previous) throw cursor.fail("ERR_WIRE_RANGE", `${what} do not ascend`);
    members.push(asMemberId(id));
    previous = id;
  }
  return members;
}
