import type { FastifyRequest } from "fastify";
import type { ForwardTarget, NodeService } from "./service.ts";
import { HOP_HEADER } from "./forwarder.ts";
import { httpError } from "./problem.ts";

/** Whether the request has come from another node, which believed that the leader is here. */
export function hopped(request: FastifyRequest): boolean {
  return request.headers[HOP_HEADER] !== undefined;
}

/** Where the log's leader is: here, or at the address that a request may be passed on to, unless it was already. Throws when neither. */
export async function leaderTarget(
  service: NodeService,
  log: string,
  passedOn: boolean,
): Promise<LeaderTarget> {
  return checkedTarget(await service.forwardTarget(log), log, passedOn);
}

type LeaderTarget =
  | { readonly kind: "local" }
  | { readonly kind: "remote"; readonly address: string };

function checkedTarget(target: ForwardTarget, log: string, passedOn: boolean): LeaderTarget {
  if (target.kind === "none") {
    throw httpError("ERR_NO_LEADER", `no leader of log "${log}" is known now`, {
      retryable: true,
      details: { log },
    });
  }
  if (target.kind === "remote" && passedOn) {
    throw httpError("ERR_NOT_LEADER", `the leader of log "${log}" is now ${target.node}`, {
      retryable: true,
      details: { log, leader: target.node, address: target.address },
    });
  }
  return target;
}

export interface LeaderWork<T> {
  readonly service: Pick<NodeService, "forwardTarget">;
  readonly log: string;
  /** It has come from another node. */
  readonly passedOn: boolean;
  readonly here: () => Promise<T>;
  /** `address` is the leader's. */
  readonly there: (address: string) => Promise<T>;
}

/**
 * Does the work where the log's leader is. A leadership that ends between the question and the work is asked about once more: nothing was
 * accepted then.
 */
export async function workAtLeader<T>(work: LeaderWork<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const found = work.service.forwardTarget(work.log);
    const known = found instanceof Promise ? await found : found;
    const target = checkedTarget(known, work.log, work.passedOn);
    if (target.kind === "remote") return work.there(target.address);
    try {
      return await work.here();
    } catch (error) {
      const moved = error instanceof Error && "code" in error && error.code === "ERR_NOT_LEADER";
      if (!moved || attempt > 1) throw error;
    }
  }
}
