import { setTimeout as delay } from "node:timers/promises";
import type { ExamEvent } from "./exam.ts";
import { examineInChildren } from "./scanProcess.ts";
import { listSegments } from "../segments/segmentDirectory.ts";
import { toJson } from "./segmentScan.ts";
import { decodeSegmentState } from "../segments/segmentState.ts";

/** For every second of reading so many seconds of rest. */
const REST_FACTOR = 3;

/**
 * Reads a log whole while it is in use, one segment and one child process at a time, resting in between. Resolves with what is wrong,
 * nothing for a sound log; undefined when `signal` has ended it. A child sees the active segment as of one moment, whatever is written
 * meanwhile.
 */
export async function scrubLog(
  directory: string,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const problems: string[] = [];
  let events: ExamEvent[] = [];
  for (const first of (await listSegments(directory)).toReversed()) {
    const state = events.find((event) => event.state !== undefined)?.state;
    const base = state === undefined ? undefined : decodeSegmentState(Buffer.from(state, "hex"));
    const seal = base === undefined ? undefined : toJson(base.base);
    events = [];
    const begun = performance.now();
    await examineInChildren(directory, [first], 0, (event) => events.push(event), seal, "scrub");
    problems.push(...events.flatMap(({ problem }) => problem ?? []));
    const rest = REST_FACTOR * (performance.now() - begun);
    await delay(rest, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return undefined;
  }
  return problems;
}
