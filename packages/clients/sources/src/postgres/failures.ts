import { ClientError } from "@annals/client";
import { classifySqlState, codeOf } from "@annals/sinks";
import { logError } from "../logFailures.ts";

/** What went wrong between a source and its database, in words and with a code of ours. */
export function tableError(error: unknown, target: string): ClientError {
  const ofLog = logError(error);
  if (ofLog !== undefined) return ofLog;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeFor(error);
  const retryable = code === "ERR_SOURCE_UNREACHABLE" || code === "ERR_SOURCE_FAILED";
  return new ClientError(code, `${target}: ${message}`, { retryable, cause: error });
}

/** Invalid authorization, and a privilege that is missing. */
const DENIED = /^28|^42501$/;
/** The system's codes begin with E, too: ECONNREFUSED. */
const OF_SYSTEM = /^E[A-Z_]{3,}$/;

function codeFor(error: unknown): `ERR_${string}` {
  const state = codeOf(error) ?? "";
  const isPassword = error instanceof Error && /^SASL|password/.test(error.message);
  if (DENIED.test(state) || isPassword) return "ERR_SOURCE_REFUSED";
  if (OF_SYSTEM.test(state)) return "ERR_SOURCE_UNREACHABLE";
  switch (classifySqlState(error)) {
    case "settings":
      return "ERR_SOURCE_TABLE";
    case "transient":
      return "ERR_SOURCE_UNREACHABLE";
    default:
      return "ERR_SOURCE_FAILED";
  }
}
