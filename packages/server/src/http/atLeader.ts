import type { FastifyReply, FastifyRequest } from "fastify";
import type { NodeService } from "../service.ts";
import type { Forwarder } from "./forwarder.ts";
import { hopped, workAtLeader } from "./leaderTarget.ts";

/** What a request needs that only the leader of a log can answer. */
export interface LeaderContext {
  readonly service: NodeService;
  readonly forwarder: Forwarder;
  /** `host:port` of this node, told to clients as the leader's when it is. */
  readonly address: string;
}

/** For requests without a deadline of their own. */
export const FORWARD_TIMEOUT_MS = 15_000;

/** Runs `local` if the log's leader is here; else passes the request's bytes to the leader, one hop at most. */
export function atLeader(
  context: LeaderContext,
  log: string,
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
  local: () => Promise<unknown>,
): Promise<unknown> {
  return workAtLeader<unknown>({
    service: context.service,
    log,
    passedOn: hopped(request),
    here: async () => {
      const answer = await local();
      void reply.header("annals-leader", context.address);
      return answer;
    },
    there: (address) => forward(context, address, request, reply, timeoutMs),
  });
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
