import type { Sample } from "./memory.ts";

/** MiB a minute. */
export interface Slope {
  readonly perMinute: number;
  /** The standard error; null where too few means say nothing about it. */
  readonly error: number | null;
}

/** Neighbouring samples are nearly the same one, and would make the error look small: means of so many seconds are taken for one each. */
const BLOCK_SECONDS = 5;
const MINUTE = 60;

/** By least squares over the means of blocks. */
export function slopeOf(samples: readonly Sample[]): Slope {
  const points = blockMeans(samples);
  const count = points.length;
  const [x, y] = [mean(points.map((one) => one.seconds)), mean(points.map((one) => one.mebibytes))];
  const spread = sum(points.map(({ seconds }) => (seconds - x) ** 2));
  if (spread === 0) return { perMinute: 0, error: null };
  const common = sum(points.map(({ seconds, mebibytes }) => (seconds - x) * (mebibytes - y)));
  const slope = common / spread;
  const rest = sum(
    points.map(({ seconds, mebibytes }) => (mebibytes - y - slope * (seconds - x)) ** 2),
  );
  const error = count < 3 ? null : MINUTE * Math.sqrt(rest / (count - 2) / spread);
  return { perMinute: MINUTE * slope, error };
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function blockMeans(samples: readonly Sample[]): readonly Sample[] {
  const begin = samples[0]?.seconds ?? 0;
  const blocks = Map.groupBy(samples, ({ seconds }) =>
    Math.floor((seconds - begin) / BLOCK_SECONDS),
  );
  return [...blocks.values()].map((block) => ({
    seconds: mean(block.map((one) => one.seconds)),
    mebibytes: mean(block.map((one) => one.mebibytes)),
  }));
}
