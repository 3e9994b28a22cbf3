/** What the driver and the tests of refusals agree upon, and how many points there are. */

import { join } from "node:path";

export const LOG_ID = 7;
export const BASE_ENTRIES = 20;
export const SEGMENT_BYTES: number = 256 * 1024;

export const PHASES = ["start", "vote", "append", "roll"] as const;
export const ERRNOS = ["ENOSPC", "EROFS", "EMFILE", "EIO", "ENOMEM"] as const;

export type Phase = (typeof PHASES)[number];
export type Errno = (typeof ERRNOS)[number];

/** The calls `from` to `to` of a phase that may end with `errno`, one after the other. */
export interface Walk {
  readonly phase: Phase;
  readonly errno: Errno;
  readonly from: number;
  readonly to: number;
}

/** What became of the refusal of the `n`-th call. */
export interface Outcome {
  readonly n: number;
  /** The call that was refused; undefined when there are not so many. */
  readonly hit: string | undefined;
  readonly problem: string | undefined;
}

/** Where a walk works. */
export function pathsOf(
  root: string,
): Readonly<Record<"base" | "data" | "control" | "hit", string>> {
  const control = join(root, "control");
  return { base: join(root, "base"), data: join(root, "data"), control, hit: `${control}.hit` };
}
