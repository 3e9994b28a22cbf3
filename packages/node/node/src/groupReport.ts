import type { GroupStatus } from "@annals/api";

/** The status and the metrics must not grow with what users create. */
export const GROUPS_TOLD_MAX = 256;

/** Those that matter most: whatever is stuck, then by lag. */
export function groupsTold(groups: readonly GroupStatus[]): readonly GroupStatus[] {
  const byNeed = (a: GroupStatus, b: GroupStatus): number => b.stuck - a.stuck || b.lag - a.lag;
  return groups.toSorted(byNeed).slice(0, GROUPS_TOLD_MAX);
}

export function stuckReasons(groups: readonly GroupStatus[]): readonly string[] {
  return groups
    .filter(({ stuck }) => stuck > 0)
    .map(
      ({ log, name, lag, stuck }) =>
        `log ${log}: group ${name} is stuck: ${lag} records behind, and ${stuck} of its lanes do not come on though their holders live`,
    );
}
