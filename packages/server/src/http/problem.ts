import { AnnalsError } from "@annals/record";
import type { FastifyReply } from "fastify";
import { findError } from "./errorTable.ts";
import type { HttpErrorCode } from "./errorTable.ts";

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

export const PROBLEM_TYPE = "application/problem+json";

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
  return document("ERR_INTERNAL", 500, "Internal error", "a fault of the server", false, {});
}

function document(
  code: string,
  status: number,
  title: string,
  detail: string,
  retryable: boolean,
  details: Readonly<Record<string, unknown>>,
): ProblemDocument {
  return { type: `urn:annals:error:${code}`, title, status, detail, code, retryable, details };
}

/** Answers with the problem document of an error. */
export function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const problem = problemOf(error);
  const retryAfter =
    findError(problem.code)?.retryAfter ?? (problem.status === 503 ? 1 : undefined);
  if (retryAfter !== undefined) reply.header("retry-after", String(retryAfter));
  // As bytes: to a text, Fastify adds a charset, which the media type does not have.
  const body = Buffer.from(JSON.stringify(problem));
  return reply.code(problem.status).type(PROBLEM_TYPE).send(body);
}
