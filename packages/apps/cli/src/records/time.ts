import { parseDuration } from "@annals/config";
import { usageError } from "../program/cliError.ts";

/** `2026-11-22T10:00:00Z`, `2026-11-22`, or how long ago: `90m`, `2d` → RFC 3339. */
export function parseTime(option: string, text: string, nowMs: number): string {
  const ago = parseDuration(text);
  if (ago.ok) return new Date(nowMs - ago.value).toISOString();
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const isFull = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(
    full,
  );
  const value = isFull ? Date.parse(full) : Number.NaN;
  if (Number.isNaN(value)) {
    throw usageError(
      `${option} ${text}: expected a time such as 2026-11-22T10:00:00Z or 2026-11-22, or how long ago, such as 90m`,
    );
  }
  return new Date(value).toISOString();
}
