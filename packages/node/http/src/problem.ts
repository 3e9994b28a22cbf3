import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AnnalsError } from "@annals/record";
import type { FastifyReply } from "fastify";
import { findError } from "@annals/api";
import type { HttpErrorCode } from "@annals/api";

/** A problem document (RFC 9457). */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable: what programs match. */
  readonly code: string;
  /** Whether the same request may succeed later without any change. */
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
}

const PROBLEM_TYPE = "application/problem+json";

/** An error of the HTTP layer; its code has to be in the table. */
export function httpError(
  code: HttpErrorCode,
  message: string,
  options: { retryable?: boolean; details?: Record<string, unknown>; cause?: unknown } = {},
): AnnalsError {
  return new AnnalsError(code, message, options);
}

/** Says what went wrong. The text of an error that is none of ours stays inside: it may quote payload or paths. */
export function problemOf(error: unknown): ProblemDocument {
  if (error instanceof AnnalsError) {
    const known = findError(error.code);
    return document(
      error.code,
      known?.status ?? (error.retryable ? 503 : 500),
      known?.title ?? "Error",
      error.message,
      error.retryable,
      error.details,
    );
  }
  return document(
    "ERR_INTERNAL",
    500,
    "Internal error",
    "the server failed; the log of the node has the cause",
    false,
    {},
  );
}

function document(
  code: string,
  status: number,
  title: string,
  detail: string,
  retryable: boolean,
  details: Readonly<Record<string, unknown>>,
): ProblemDocument {
  const type = `urn:annals:error:${code}`;
  return {
    type,
    title,
    status,
    detail: cut(detail, DETAIL_CHARACTERS_MAX),
    code,
    retryable,
    details: cutAll(details),
  };
}

/** Texts of a document: a refusal that quotes what came from outside is no larger than a node keeps room for. */
const DETAIL_CHARACTERS_MAX = 1_024;
const FIELD_CHARACTERS_MAX = 256;

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;
}

function cutAll(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === "string" ? cut(value, FIELD_CHARACTERS_MAX) : value,
    ]),
  );
}

/**
 * Answers with a problem document. `retryAfterMs` is what the server knows better than the table: whoever was refused for want of room is
 * told when there may be some.
 */
export function sendProblem(
  reply: FastifyReply,
  problem: ProblemDocument,
  retryAfterMs?: number,
): FastifyReply {
  const told = timed(problem, retryAfterMs);
  const seconds = retryAfterSeconds(told);
  if (seconds !== undefined) reply.header("retry-after", String(seconds));
  // As bytes: to a text, Fastify adds a charset, which the media type does not have.
  return reply
    .code(told.status)
    .type(PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(told)));
}

/** Whether the client is asked to come again after a while. */
export function waits({ status, retryable }: ProblemDocument): boolean {
  return retryable && (status === 429 || status === 503);
}

function timed(problem: ProblemDocument, retryAfterMs: number | undefined): ProblemDocument {
  if (retryAfterMs === undefined || !waits(problem)) return problem;
  return { ...problem, details: { ...problem.details, retryAfterMs } };
}

function retryAfterSeconds({ code, status, details }: ProblemDocument): number | undefined {
  const { retryAfterMs } = details;
  if (typeof retryAfterMs === "number") return Math.ceil(retryAfterMs / 1000);
  return findError(code)?.retryAfter ?? (status === 503 ? 1 : undefined);
}

/** Whoever does not take a refusal is closed all the same. */
export const GOODBYE_MS = 1_000;

/**
 * Answers on a connection that has no reply, and closes it. Nobody else listens to such a socket any more: a peer that resets it would
 * otherwise end the process by an `error` event without an owner.
 */
export function endWithProblem(socket: Duplex, error: unknown): void {
  socket.on("error", () => undefined);
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
  socket.once("close", () => clearTimeout(timer));
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const seconds = retryAfterSeconds(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...(seconds === undefined ? [] : [`retry-after: ${seconds}`]),
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Refuses an upgrade. What else the client sends is read in vain: unread, it would make the kernel reset the answer away. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  endWithProblem(socket, error);
  socket.resume();
}
