import { ClientError } from "@annals/client";
import type { FailureClass } from "../sink.ts";
import { SinkError } from "../sinkError.ts";

/** Another one writes to the same database, or has the lane: nothing of this tenure holds any more. */
export class Fenced extends Error {
  readonly by: "lane" | "database";

  constructor(by: "lane" | "database", message: string) {
    super(message);
    this.by = by;
  }
}

/** A failure of the sink or of the log, with what it means. */
export class Failure extends Error {
  readonly at: "sink" | "log";
  readonly kind: FailureClass;

  constructor(at: "sink" | "log", kind: FailureClass, cause: unknown) {
    super(messageOf(cause), { cause });
    this.at = at;
    this.kind = kind;
  }
}

/** What a failed call to the cluster means. */
export function classifyLogError(error: unknown): FailureClass {
  if (!(error instanceof ClientError)) return "unknown";
  const { code, retryable, status = 0 } = error;
  if (code === "ERR_GROUP_FENCED" || code === "ERR_GROUP_NOT_FOUND") return "fenced";
  return retryable || status >= 500 ? "transient" : "settings";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function otherSettings(): SinkError {
  return new SinkError(
    "ERR_SINK_SETTINGS",
    "the database was written with other settings or another plan: empty it, or give the sink another name and another database",
  );
}

export function otherHistory(what: string): SinkError {
  return new SinkError(
    "ERR_SINK_HISTORY",
    `the database belongs to another history of the log: ${what}; it was restored, or the log was, or this is another cluster`,
  );
}

export function logIsShorter(seq: number, firstSeq: number): SinkError {
  return new SinkError(
    "ERR_SINK_GAP",
    `the database has everything up to record ${seq}, and the log begins at ${firstSeq}: empty the database to begin anew`,
  );
}

export function needsMending({ at, cause }: Failure): SinkError {
  const whose = at === "sink" ? "the sink's database" : "the cluster";
  return new SinkError(
    "ERR_SINK_REFUSED",
    `${whose} refuses, and no repetition mends that: ${messageOf(cause)}; mend it and start the sink again`,
    { cause },
  );
}

export function unknownFailure(cause: unknown): SinkError {
  return new SinkError(
    "ERR_SINK_UNKNOWN_FAILURE",
    `the same failure came again and again, and nobody knows what it means: ${messageOf(cause)}`,
    { cause },
  );
}

export function tooManyLetters(count: number, message: string): SinkError {
  return new SinkError(
    "ERR_SINK_DEAD_LETTERS",
    `${count} records could not be written, and the next one cannot either (${message}): that is more than exceptions`,
  );
}
