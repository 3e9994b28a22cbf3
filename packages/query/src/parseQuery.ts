import {
  choiceParameter,
  integerParameter,
  invalidParameter,
  textParameter,
  timeParameter,
} from "./parameters.ts";
import type { ReadConsistency, ReadFormat, ReadQuery } from "./readQuery.ts";

/** Most records in one page. */
export const LIMIT_MAX = 10_000;
const LIMIT_DEFAULT = 100;

export const CONSISTENCIES: readonly ReadConsistency[] = ["linearizable", "local"];

/** The parameters of a read that are texts, by name; untrusted. */
export type QueryTexts = Partial<
  Record<Exclude<keyof ReadQuery, "waitMs" | "format">, string | undefined>
>;

/** Throws ERR_PARAMETER_INVALID for what cannot be read and for parameters that contradict each other. */
export function parseQuery(given: QueryTexts, waitMs: number, format: ReadFormat): ReadQuery {
  const query: ReadQuery = {
    from: integerParameter("from", given.from, 1, Number.MAX_SAFE_INTEGER),
    to: integerParameter("to", given.to, 1, Number.MAX_SAFE_INTEGER),
    since: timeParameter("since", given.since),
    until: timeParameter("until", given.until),
    actor: textParameter("actor", given.actor),
    action: actionParameter(given.action),
    target: textParameter("target", given.target),
    tenant: textParameter("tenant", given.tenant),
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

/** An action, or its beginning as in `file.*`. */
export function actionParameter(text: string | undefined): string | undefined {
  const action = textParameter("action", text);
  if (action === undefined || !action.includes("*") || /^[^*]+\.\*$/.test(action)) return action;
  throw invalidParameter("action", "a wildcard is the last part only, such as file.*");
}
