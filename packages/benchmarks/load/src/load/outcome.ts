/** What became of one request. */
export type Outcome =
  | { readonly kind: "accepted"; readonly firstSeq: number; readonly count: number }
  /** The server says that it took nothing. */
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "unknown"; readonly code: string };

/** Answers after which the records may be in the log. */
const UNKNOWN = new Set(["ERR_OUTCOME_UNKNOWN", "ERR_INTERNAL", "ERR_WORKER_LOST"]);

export const CONNECTION_LOST: Outcome = { kind: "unknown", code: "connection lost" };

/** `code` is that of a problem document; without one, what the answer was. */
export function notAccepted(code: string): Outcome {
  return UNKNOWN.has(code) ? { kind: "unknown", code } : { kind: "refused", code };
}

/** Of an answer over HTTP. */
export function outcomeOf(status: number, body: string): Outcome {
  const answer: { firstSeq?: number; count?: number; code?: string } = JSON.parse(body);
  if (status === 200)
    return { kind: "accepted", firstSeq: answer.firstSeq ?? 0, count: answer.count ?? 0 };
  return notAccepted(answer.code ?? `status ${status}`);
}
