import { integerParameter, invalidParameter, parseQuery } from "@annals/query";
import type { ReadFormat, ReadQuery } from "@annals/query";
import type { AnnalsError } from "@annals/record";
import { parseDuration } from "@annals/config";
import { parseParameters } from "./parameters.ts";
import { httpError } from "./problem.ts";

const WAIT_MS_MAX = 60_000;

export const READ_PARAMETERS = [
  "from",
  "to",
  "since",
  "until",
  "actor",
  "action",
  "target",
  "tenant",
  "lane",
  "laneKey",
  "limit",
  "cursor",
  "order",
  "consistency",
  "wait",
] as const;

/** Reads the query string and Accept header of `GET /v1/logs/{log}/records`. */
export function parseReadRequest(url: string, accept: string | undefined): ReadQuery {
  const given = parseParameters(url, READ_PARAMETERS);
  return parseQuery(given, waitParameter(given.wait), negotiateFormat(accept));
}

/** The query that answers `GET /v1/logs/{log}/records/{seq}`. */
export function parseRecordRequest(url: string, seqText: string): ReadQuery {
  const given = parseParameters(url, ["consistency"]);
  const seq = integerParameter("seq", seqText, 1, Number.MAX_SAFE_INTEGER);
  return { ...parseQuery(given, 0, "record"), from: seq, to: seq, limit: 1 };
}

function waitParameter(text: string | undefined): number {
  if (text === undefined) return 0;
  const parsed = parseDuration(text);
  if (!parsed.ok) throw invalidParameter("wait", parsed.message);
  if (parsed.value > WAIT_MS_MAX) throw invalidParameter("wait", `at most ${WAIT_MS_MAX / 1000}s`);
  return parsed.value;
}

/** The first acceptable media type in the order of preference (q). */
function negotiateFormat(accept: string | undefined): ReadFormat {
  if (accept === undefined || accept.trim() === "") return "json";
  const ranges = accept
    .split(",")
    .map((part) => {
      const [type = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
      const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return { type, q: q === undefined ? 1 : Number(q) };
    })
    .filter((range) => range.q > 0)
    .toSorted((a, b) => b.q - a.q);
  for (const { type } of ranges) {
    if (type === "application/x-ndjson") return "ndjson";
    if (["application/json", "application/*", "*/*"].includes(type)) return "json";
  }
  throw httpError("ERR_NOT_ACCEPTABLE", "served are application/json and application/x-ndjson");
}

/** What a read of one record that is not there is answered with. */
export function recordNotFound(log: string, seq: number | undefined): AnnalsError {
  return httpError("ERR_RECORD_NOT_FOUND", `log "${log}" has no record ${String(seq)}`, {
    details: { log, seq },
  });
}
