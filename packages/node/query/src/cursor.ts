import { createHash } from "node:crypto";
import { AnnalsError } from "@annals/record";
import type { ReadQuery } from "./readQuery.ts";

/**
 * A cursor is opaque to clients: where to go on, and a digest of the query, so that it cannot be used with another one, which would skip
 * records silently. It holds no state of the server and never expires.
 */
interface CursorContent {
  /** Format. */
  readonly v: 1;
  /** The seq to look at next. */
  readonly s: number;
  readonly q: string;
}

/** What must be the same from page to page; limit, wait, consistency and format may change. */
function queryDigest(log: string, query: ReadQuery): string {
  const { from, to, since, until, actor, action, target, tenant, order, lane } = query;
  const fields = [log, from, to, since, until, actor, action, target, tenant, order];
  if (lane !== undefined) fields.push(lane.index, lane.of, lane.key);
  return createHash("sha256")
    .update(JSON.stringify(fields.map((field) => field ?? null)))
    .digest("base64url")
    .slice(0, 12);
}

export function encodeCursor(log: string, query: ReadQuery, seq: number): string {
  const content: CursorContent = { v: 1, s: seq, q: queryDigest(log, query) };
  return Buffer.from(JSON.stringify(content)).toString("base64url");
}

/** The seq to go on at. The cursor is untrusted: throws ERR_CURSOR_INVALID. */
export function decodeCursor(log: string, query: ReadQuery, cursor: string): number {
  const content = parse(cursor);
  if (content === undefined) throw invalid("the cursor was not made by this server");
  if (content.q !== queryDigest(log, query)) {
    throw invalid("the cursor belongs to another log or to other parameters");
  }
  return content.s;
}

function invalid(message: string): AnnalsError {
  return new AnnalsError("ERR_CURSOR_INVALID", message);
}

function parse(cursor: string): CursorContent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { v, s, q } = value as Partial<Record<keyof CursorContent, unknown>>;
  return v === 1 &&
    typeof s === "number" &&
    Number.isSafeInteger(s) &&
    s >= 0 &&
    typeof q === "string"
    ? { v, s, q }
    : undefined;
}
