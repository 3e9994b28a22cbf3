import type { FastifyRequest } from "fastify";
import type { NodeService } from "../service.ts";
import { HOP_HEADER } from "./forwarder.ts";
import { httpError } from "./problem.ts";

/** Whether the request has come from another node, which believed that the leader is here. */
export function hopped(request: FastifyRequest): boolean {
  return request.headers[HOP_HEADER] !== undefined;
}

/** Where the log's leader is: here, or at the address that the request may be passed on to, one hop at most. Throws when neither. */
export async function leaderTarget(
  service: NodeService,
  log: string,
  request: FastifyRequest,
): Promise<{ readonly kind: "local" } | { readonly kind: "remote"; readonly address: string }> {
  const target = await service.forwardTarget(log);
  if (target.kind === "none") {
    throw httpError("ERR_NO_LEADER", `no leader of log "${log}" is known now`, {
      retryable: true,
      details: { log },
    });
  }
  if (target.kind === "remote" && hopped(request)) {
    throw httpError("ERR_NOT_LEADER", `the leader of log "${log}" is now ${target.node}`, {
      retryable: true,
      details: { log, leader: target.node, address: target.address },
    });
  }
  return target;
}
