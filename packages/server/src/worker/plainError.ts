import { AnnalsError } from "@annals/record";
import type { PlainError } from "../lane/messages.ts";

/** Anything thrown, as data. What is no AnnalsError is a bug of ours and says so without its text, which may hold payload. */
export function toPlainError(error: unknown): PlainError {
  if (error instanceof AnnalsError) {
    const { code, message, retryable, details } = error;
    return { code, message, retryable, details };
  }
  return {
    code: "ERR_INTERNAL",
    message: "an unexpected failure; see the node's log",
    retryable: false,
    details: {},
  };
}

export function fromPlainError(plain: PlainError): AnnalsError {
  const { message, retryable, details } = plain;
  return new AnnalsError(plain.code as `ERR_${string}`, message, { retryable, details });
}
