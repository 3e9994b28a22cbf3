import { timeParameter } from "@annals/query";
import type { GroupStart } from "@annals/api";

/** `first`, `end`, a seq behind which it goes on, or a time from which. Throws ERR_PARAMETER_INVALID. */
export function groupStart(field: string, value: string | number): GroupStart {
  if (value === "first" || value === "end") return { at: value };
  if (typeof value === "number") return { at: "seq", seq: value };
  const time = timeParameter(field, value);
  return time === undefined ? { at: "first" } : { at: "time", time };
}

/** As `groupStart` reads it. */
export function startText(start: GroupStart): string | number {
  switch (start.at) {
    case "first":
    case "end":
      return start.at;
    case "seq":
      return start.seq;
    case "time":
      return new Date(start.time).toISOString();
    default:
      return start satisfies never;
  }
}
