import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";

interface Named {
  readonly node: string;
  readonly member: MemberId;
}

/** ERR_NOT_LEADER with the node that leads instead of its number as a member, which only nodes know; any other error as it is. */
export function withNamedLeader(error: unknown, members: readonly Named[]): unknown {
  if (!(error instanceof AnnalsError) || error.code !== "ERR_NOT_LEADER") return error;
  const { leader, ...rest } = error.details;
  const node = members.find(({ member }) => member === leader)?.node;
  return new AnnalsError(error.code, error.message, {
    retryable: error.retryable,
    details: node === undefined ? rest : { ...rest, leader: node },
    cause: error.cause,
  });
}
