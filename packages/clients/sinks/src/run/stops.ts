import { ClientError } from "@annals/client";
import type { FailureClass } from "../sink.ts";
import { messageOf } from "../messageOf.ts";
import { SinkError } from "../sinkError.ts";

/** Another one writes to the same database, or has the lane: nothing that this lease holder knows holds any more. */
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

/** `who` is the name of the sink and what it writes to. */
export function otherSettings(who: string): SinkError {
  return new SinkError(
    "ERR_SINK_SETTINGS",
    `${who} was written with other settings or by another plan: empty it, or give the sink another name and another place`,
  );
}

/** Two clusters may have logs of one name, and a log has shares. */
export function otherScope(who: string, stored: string, wanted: string): SinkError {
  return new SinkError(
    "ERR_SINK_SCOPE",
    `${who} has records of ${stored}, and this sink writes those of ${wanted}: give it a place of its own`,
    { details: { stored, wanted } },
  );
}

export function otherHistory(who: string, what: string): SinkError {
  return new SinkError(
    "ERR_SINK_HISTORY",
    `${who} belongs to another history of the log: ${what}; it was restored, or the log was`,
  );
}

export function logIsShorter(who: string, seq: number, firstSeq: number): SinkError {
  return new SinkError(
    "ERR_SINK_GAP",
    `${who} has everything up to record ${seq}, and the log begins at ${firstSeq}: empty it to begin anew`,
  );
}

/** The place's data is not what the stored cursor was written with. */
export function parted(what: string): SinkError {
  return new SinkError(
    "ERR_SINK_PARTED",
    `${what}. Going on would leave a hole: put the data back; or fill it again with ` +
      "`annals sink replay FILE NAME --to 0`; or go on with the hole, with --to and the seq behind which",
  );
}

/** What is there is neither absent nor what the log has, so it is neither written over nor passed over. */
export function conflicting(what: string): SinkError {
  return new SinkError(
    "ERR_SINK_CONFLICT",
    `${what}: somebody changed it, or something else wrote it; \`annals sink compare\` names every difference; ` +
      "take it away and start the sink again, and it is written anew",
  );
}

export function needsMending(who: string, { at, cause }: Failure): SinkError {
  const whose = at === "sink" ? who : `the cluster that ${who} follows`;
  return new SinkError(
    "ERR_SINK_REFUSED",
    `${whose} refuses, and no repetition mends that: ${messageOf(cause)}; mend it, and start the sink again or resume it`,
    { cause },
  );
}

/** What refuses every record says nothing about one of them. */
export function takesNothing(who: string, seq: number, tried: string, cause: unknown): SinkError {
  const others =
    tried === ""
      ? "and there is no other one to try, so that nobody knows whether it is the record"
      : `and others as well (${tried}), so it is not the record`;
  return new SinkError(
    "ERR_SINK_REFUSED",
    `${who} refuses record ${seq}, ${others}: ${messageOf(cause)}; mend it, and start the sink again or resume it`,
    { cause },
  );
}

/** What a runner would wait for, told to somebody who does not. */
export function unreachable(who: string, cause: unknown): SinkError {
  return new SinkError(
    "ERR_SINK_UNREACHABLE",
    `${who} does not answer as it should: ${messageOf(cause)}`,
    { cause },
  );
}

export function unknownFailure(who: string, cause: unknown): SinkError {
  return new SinkError(
    "ERR_SINK_UNKNOWN_FAILURE",
    `${who} failed in the same way again and again, and nobody knows what it means: ${messageOf(cause)}`,
    { cause },
  );
}

export function tooManyDeadLetters(who: string, count: number, message: string): SinkError {
  return new SinkError(
    "ERR_SINK_DEAD_LETTERS",
    `${who} could not take ${count} records, and cannot take the next one either (${message}): that is more than exceptions`,
  );
}

export function contested(who: string, times: number, error: Fenced): SinkError {
  return new SinkError(
    "ERR_SINK_CONTESTED",
    `${who} was lost ${times} times without anything being written (${error.message}): another sink writes to it, outside of this group`,
  );
}
