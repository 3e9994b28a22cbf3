/**
 * What one question and its answer have shown of another clock. It is held against the own monotonic clock, which nobody sets: so a
 * sample stays true when the own wall clock jumps.
 */
export interface ClockSample {
  /** What the other clock showed, in ms since 1970, when the own monotonic clock stood at 0. Clocks differ as their origins do. */
  readonly originMs: number;
  /** How far `originMs` may be from the truth: half of the round trip. */
  readonly uncertaintyMs: number;
  /** When the answer came, on the own monotonic clock. */
  readonly atMs: number;
}

/** `wallTime` was read by the other side between `sentMs` and `atMs`, which are on the own monotonic clock. */
export function clockSample(sentMs: number, wallTime: number, atMs: number): ClockSample {
  const uncertaintyMs = (atMs - sentMs) / 2;
  return { originMs: wallTime - (sentMs + uncertaintyMs), uncertaintyMs, atMs };
}
