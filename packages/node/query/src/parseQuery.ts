import { LIMIT_MAX } from "@annals/flow";
import { LANE_KEYS, LANES_MAX } from "@annals/record";
import type { LaneShare } from "@annals/record";
import { actionPattern } from "./actionPattern.ts";
import {
  choiceParameter,
  integerParameter,
  invalidParameter,
  textParameter,
  timeParameter,
} from "./parameters.ts";
import type { ReadConsistency, ReadFormat, ReadQuery } from "./readQuery.ts";

const LIMIT_DEFAULT = 100;

const CONSISTENCIES: readonly ReadConsistency[] = ["linearizable", "local"];

export type RecordFilter = Pick<ReadQuery, "actor" | "action" | "target" | "tenant">;

/** The parameters of a read that are texts, by name; untrusted. */
export type QueryTexts = Partial<
  Record<Exclude<keyof ReadQuery, "waitMs" | "format"> | "laneKey", string | undefined>
>;

/** Throws ERR_PARAMETER_INVALID for what cannot be read and for parameters that contradict each other. */
export function parseQuery(given: QueryTexts, waitMs: number, format: ReadFormat): ReadQuery {
  const query: ReadQuery = {
    from: integerParameter("from", given.from, 1, Number.MAX_SAFE_INTEGER),
    to: integerParameter("to", given.to, 1, Number.MAX_SAFE_INTEGER),
    since: timeParameter("since", given.since),
    until: timeParameter("until", given.until),
    ...filterParameters((name) => given[name]),
    lane: laneParameter(given.lane, given.laneKey),
    limit: integerParameter("limit", given.limit, 1, LIMIT_MAX) ?? LIMIT_DEFAULT,
    cursor: textParameter("cursor", given.cursor),
    order: choiceParameter("order", given.order, ["asc", "desc"]) ?? "asc",
    consistency: choiceParameter("consistency", given.consistency, CONSISTENCIES) ?? "linearizable",
    waitMs,
    format,
  };
  checkTogether(query);
  return query;
}

function checkTogether(query: ReadQuery): void {
  if (query.from !== undefined && query.to !== undefined && query.from > query.to) {
    throw invalidParameter("from", `${query.from} is above to (${query.to})`);
  }
  if (query.since !== undefined && query.until !== undefined && query.since >= query.until) {
    throw invalidParameter("since", "is not before until");
  }
  if (query.waitMs > 0 && query.order === "desc") {
    throw invalidParameter("wait", "waits for new records and goes with order=asc only");
  }
}

/** What of a record a read or a subscription can ask for; an action may be its beginning as in `file.*`. */
export function filterParameters(
  text: (name: keyof RecordFilter) => string | undefined,
): RecordFilter {
  return {
    actor: textParameter("actor", text("actor")),
    action: actionParameter(text("action")),
    target: textParameter("target", text("target")),
    tenant: textParameter("tenant", text("tenant")),
  };
}

function actionParameter(text: string | undefined): string | undefined {
  const action = textParameter("action", text);
  if (action === undefined || actionPattern(action) !== undefined) return action;
  throw invalidParameter(
    "action",
    "a wildcard is the last part only, such as file.*; an asterisk of the action itself is \\*",
  );
}

/** A lane as `index/of`, such as `0/4`, and what of a record it is found by, the actor by default. */
export function laneParameter(
  text: string | undefined,
  keyText: string | undefined,
): LaneShare | undefined {
  const key = choiceParameter("laneKey", keyText, LANE_KEYS);
  if (text === undefined) {
    if (key !== undefined) throw invalidParameter("laneKey", "goes with a lane only");
    return undefined;
  }
  const [index = "", of = "", ...more] = text.split("/");
  const lanes = integerParameter("lane", of, 1, LANES_MAX) ?? 1;
  const found = integerParameter("lane", index, 0, lanes - 1) ?? 0;
  if (more.length > 0)
    throw invalidParameter("lane", "expected a lane and how many there are: 0/4");
  return { index: found, of: lanes, key: key ?? "actor" };
}
