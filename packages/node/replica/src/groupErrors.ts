import { GROUPS_MAX } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import type { Seq } from "@annals/record";

/** What a consumer is told when its lane is somebody else's by now. */
export function fenced(group: string, lane: number): AnnalsError {
  return new AnnalsError(
    "ERR_GROUP_FENCED",
    `lane ${lane} of group "${group}" is not held with this token any more: acquire it again and go on from its position`,
    { details: { group, lane } },
  );
}

export function groupNotFound(group: string): AnnalsError {
  return new AnnalsError(
    "ERR_GROUP_NOT_FOUND",
    `the log has no group "${group}": create it with \`annals group create\``,
    { details: { group } },
  );
}

/** Two consumers that want different things must not share one cursor. */
export function otherSettings(group: string, what: string): AnnalsError {
  return new AnnalsError(
    "ERR_GROUP_SETTINGS",
    `group "${group}" was made for a consumer with other settings (${what}): use a group of its own for each`,
    { details: { group } },
  );
}

/** A second consumer of one cursor would get nothing, or what the first one misses. */
export function feedsOther(
  { name, feeds }: { readonly name: string; readonly feeds: string },
  member: string,
  wanted: string,
): AnnalsError {
  const what = (text: string): string => (text === "" ? "a consumer that does not say what" : text);
  return new AnnalsError(
    "ERR_GROUP_FEEDS",
    `group "${name}" feeds ${what(feeds)}, through ${member}, which is alive; this one would feed ${what(wanted)}: ` +
      "use a group of its own for each",
    { details: { group: name, feeds, member } },
  );
}

export function groupLimit(): AnnalsError {
  return new AnnalsError(
    "ERR_GROUP_LIMIT",
    `the log has ${GROUPS_MAX} groups, which is the most: delete one that nobody uses`,
    { details: { limit: GROUPS_MAX } },
  );
}

/** Not an error of the consumer: it stands by and asks again, after `retryAfterMs`. */
export function laneHeld(
  group: string,
  lane: number | undefined,
  retryAfterMs: number,
): AnnalsError {
  const what =
    lane === undefined ? `every lane of group "${group}"` : `lane ${lane} of group "${group}"`;
  return new AnnalsError("ERR_GROUP_HELD", `${what} is held by a member that is alive`, {
    retryable: true,
    details: { group, retryAfterMs },
  });
}

export function noLane(group: string, lane: number, lanes: number): AnnalsError {
  return new AnnalsError(
    "ERR_GROUP_LANE",
    `group "${group}" has the lanes 0 to ${lanes - 1}, not ${lane}`,
    { details: { group, lane, lanes } },
  );
}

export function beyondLog(position: Seq, lastSeq: Seq): AnnalsError {
  return new AnnalsError(
    "ERR_GROUP_POSITION",
    `position ${position} is beyond the last record, ${lastSeq}`,
    { details: { position, lastSeq } },
  );
}
