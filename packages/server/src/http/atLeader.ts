import type { FastifyReply, FastifyRequest } from "fastify";
import type { NodeService } from "../service.ts";
import type { Forwarder } from "./forwarder.ts";
import { leaderTarget } from "./leaderTarget.ts";

/** What a request needs that only the leader of a log can answer. */
export interface LeaderContext {
  readonly service: NodeService;
  readonly forwarder: Forwarder;
  /** `host:port` of this node, told to clients as the leader's when it is. */
  readonly address: string;
}

/** For requests without a deadline of their own. */
export const FORWARD_TIMEOUT_MS = 15_000;

/**
 * Runs `local` if the log's leader is here; else passes the request's bytes to the leader, one hop at most. A leadership that ends
 * between the question and the append is asked about once more: nothing was accepted then.
 */
export async function atLeader(
  context: LeaderContext,
  log: string,
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
  local: () => Promise<unknown>,
): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    const target = await leaderTarget(context.service, log, request);
    if (target.kind === "remote")
      return forward(context, target.address, request, reply, timeoutMs);
    try {
      const answer = await local();
      void reply.header("annals-leader", context.address);
      return answer;
    } catch (error) {
      const moved = error instanceof Error && "code" in error && error.code === "ERR_NOT_LEADER";
      if (!moved || attempt > 1) throw error;
    }
  }
}

async function forward(
  context: LeaderContext,
  address: string,
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
): Promise<FastifyReply> {
  const answer = await context.forwarder.forward({
    address,
    method: request.method,
    path: request.url,
    headers: request.headers,
    body: bodyOf(request),
    timeoutMs,
  });
  return reply.code(answer.status).headers(answer.headers).send(asBuffer(answer.body));
}

/** The bytes of a body that was read. */
export function bodyOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
