import { AnnalsError } from "@annals/record";
import { errnoOf } from "@annals/storage";
import { causeText } from "@annals/channel";

/** What clients and the status are told while the log is closed after a write that failed. */
export function writeFailed(error: AnnalsError, path: string): AnnalsError {
  const details = { path, errno: errnoOf(error) };
  const message = `a write failed, and the log is opened again: ${causeText(error)}`;
  return new AnnalsError("ERR_DISK_UNAVAILABLE", message, { retryable: true, details });
}
