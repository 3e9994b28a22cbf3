import { FORWARDED_ANSWER_BYTES } from "@annals/api";
import type { ForwardedKind } from "@annals/api";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { NodeService } from "./service.ts";
import type { Forwarded, Forwarder } from "./forwarder.ts";
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

/** A request that may have to be passed on to the leader. */
export interface Passing {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** What the leader may answer; `stream`: more than this node could hold, and the request has no body. */
  readonly answers: ForwardedKind | "stream";
  /** Milliseconds for the leader's answer as a whole. */
  readonly timeoutMs?: number;
}

/** Runs `local` if the log's leader is here; else passes the request's bytes to the leader, one hop at most. */
export function atLeader<T>(
  context: LeaderContext,
  log: string,
  passing: Passing,
  local: () => Promise<T>,
): Promise<T | FastifyReply> {
  return workAtLeader<T | FastifyReply>({
    service: context.service,
    log,
    passedOn: hopped(passing.request),
    here: async () => {
      const answer = await local();
      void passing.reply.header("annals-leader", context.address);
      return answer;
    },
    there: (address) => forward(context.forwarder, address, passing),
  });
}

async function forward(
  forwarder: Forwarder,
  address: string,
  { request, reply, answers, timeoutMs = FORWARD_TIMEOUT_MS }: Passing,
): Promise<FastifyReply> {
  const { method, url: path, headers } = request;
  const hop = { address, method, path, headers };
  if (answers === "stream") {
    const { status, headers: told, body } = await forwarder.stream({ ...hop, body: undefined });
    return reply.code(status).headers(told).send(body);
  }
  const maxAnswerBytes = FORWARDED_ANSWER_BYTES[answers];
  const body = bodyOf(request);
  const answer = await forwarder.forward({ ...hop, body, timeoutMs, maxAnswerBytes });
  return sendForwarded(reply, answer);
}

/** Answers with what the leader has answered. */
export function sendForwarded(
  reply: FastifyReply,
  { status, headers, body }: Forwarded,
): FastifyReply {
  return reply.code(status).headers(headers).send(asBuffer(body));
}

/** The bytes of a body that was read. */
export function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array(0);
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
