import { ClientError } from "@annals/client";

/** What the cluster says and will say again: it does not know the log or this source, or does not take what it was sent. */
const FINAL_STATUSES: ReadonlySet<number | undefined> = new Set([400, 401, 403, 404, 413, 422]);
const CAUSES_MAX = 8;

/** Whether it is an error of the log's side that no repetition mends. */
export function isFinal(error: unknown): boolean {
  if (!(error instanceof ClientError) || error.retryable) return false;
  return FINAL_STATUSES.has(error.status) || error.code === "ERR_SOURCE_FOREIGN";
}

/** What the log said, if it or what caused it is that; retryable unless it is final. */
export function logError(error: unknown): ClientError | undefined {
  const ours = causes(error).find((one) => one instanceof ClientError);
  if (!(ours instanceof ClientError)) return undefined;
  if (ours.retryable || ours.status === undefined || isFinal(ours)) return ours;
  // The log has refused this process, and may take the next one: as when another one has taken a part over.
  const code = ours.status === 409 ? "ERR_SOURCE_OVERTAKEN" : "ERR_SOURCE_FAILED";
  return new ClientError(code, ours.message, { retryable: true, cause: error });
}

/** The error, and what caused it. */
export function causes(error: unknown): readonly Error[] {
  const found: Error[] = [];
  for (let at = error; at instanceof Error && found.length < CAUSES_MAX; at = at.cause)
    found.push(at);
  return found;
}
