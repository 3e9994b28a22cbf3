/** Where a clock stands and how certain that is, see `ClockSample`. */
export interface ClockPlace {
  readonly originMs: number;
  readonly uncertaintyMs: number;
}

/** What the clocks that are heard of say of the own one. */
export type ClockVerdict =
  /** No other clock is heard of, so nobody can know. */
  | { readonly kind: "alone" }
  /** The own clock keeps to the median within the bound, and so do most. */
  | { readonly kind: "agreed"; readonly median: ClockPlace }
  /** Most clocks agree with each other, and the own one does not. */
  | { readonly kind: "off"; readonly median: ClockPlace }
  /** There is no majority that agrees: two clocks that differ, or more. */
  | { readonly kind: "disputed"; readonly earliestMs: number };

/**
 * Judges the own clock by those that are heard of. The median of three or more is believed if a majority of them, the own one included,
 * keeps to it within the bound. Of two clocks that differ neither is believed.
 */
export function judgeClock(
  ownOriginMs: number,
  peers: readonly ClockPlace[],
  maxSkewMs: number,
): ClockVerdict {
  if (peers.length === 0) return { kind: "alone" };
  const own: ClockPlace = { originMs: ownOriginMs, uncertaintyMs: 0 };
  const places = [own, ...peers].toSorted((a, b) => a.originMs - b.originMs);
  const median = places[Math.floor((places.length - 1) / 2)] ?? own;
  const keeping = places.filter((place) => keepsTo(place, median, maxSkewMs));
  if (2 * keeping.length <= places.length)
    return { kind: "disputed", earliestMs: (places[0] ?? own).originMs };
  return { kind: keepsTo(own, median, maxSkewMs) ? "agreed" : "off", median };
}

/** Whether two clocks differ by no more than the bound, as far as that is certain. */
export function keepsTo(place: ClockPlace, other: ClockPlace, maxSkewMs: number): boolean {
  const apartMs = Math.abs(place.originMs - other.originMs);
  return apartMs <= maxSkewMs + place.uncertaintyMs + other.uncertaintyMs;
}
