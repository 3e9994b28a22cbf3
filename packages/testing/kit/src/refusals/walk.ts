/** What a driver of refusals and whoever runs it agree upon. */

import { join } from "node:path";

/** The calls `from` to `to` of a phase that may end with `errno`, one after the other. */
export interface RefusalWalk {
  readonly phase: string;
  readonly errno: string;
  readonly from: number;
  readonly to: number;
}

/** In the place of a call: none is refused, and they are counted. */
export const COUNT = -1;

/** What became of the refusal of the `n`-th call. */
export interface RefusalOutcome {
  readonly n: number;
  /** With COUNT: the calls of the process that made most. */
  readonly calls?: number;
  /** The call that was refused; undefined when there are not so many. */
  readonly hit: string | undefined;
  readonly problem: string | undefined;
}

/** The phases of a driver, and what their calls may end with. */
export interface RefusalPlaces {
  readonly phases: readonly string[];
  readonly errnos: readonly string[];
}

/** How many calls there are, by phase and errno. */
export type RefusalPoints = Readonly<Record<string, number>>;

/** Names the calls of a phase that may end with `errno`. */
export function placeOf(phase: string, errno: string): string {
  return `${phase} ${errno}`;
}

/** Where a walk works. */
export interface RefusalPaths {
  /** What each attempt begins with a copy of. */
  readonly base: string;
  /** Below it calls are refused. */
  readonly data: string;
  readonly control: string;
  readonly hit: string;
}

export function refusalPaths(root: string): RefusalPaths {
  const control = join(root, "control");
  return { base: join(root, "base"), data: join(root, "data"), control, hit: `${control}.hit` };
}
