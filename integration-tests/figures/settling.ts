import type { Sample } from "./memory.ts";
import { mean } from "./slope.ts";

/** What is compared: the mean of a window with that of the one before it. */
const WINDOW_SECONDS = 20;
/** Apart by no more than this part, or so many MiB, both windows are taken for the same. */
const PART = 0.02;
const MEBIBYTES = 1;

/** Whether what the samples show has come to rest: in the last window it is what it was in the one before. */
export function hasSettled(samples: readonly Sample[], nowSeconds: number): boolean {
  const first = samples[0]?.seconds ?? nowSeconds;
  if (nowSeconds - first < 2 * WINDOW_SECONDS) return false;
  const between = (from: number, to: number): readonly Sample[] =>
    samples.filter(({ seconds }) => seconds > nowSeconds - from && seconds <= nowSeconds - to);
  const [last, before] = [
    between(WINDOW_SECONDS, 0),
    between(2 * WINDOW_SECONDS, WINDOW_SECONDS),
  ].map((window) => mean(window.map(({ mebibytes }) => mebibytes)));
  if (last === undefined || before === undefined) return false;
  return Math.abs(last - before) <= Math.max(MEBIBYTES, PART * before);
}
