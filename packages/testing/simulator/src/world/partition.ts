import type { Random } from "@annals/kit";

const PARTITION_SHAPES = ["halves", "halves", "halves", "one", "oneWay", "bridge", "ring"] as const;

/** Places are numbered below this. */
const PLACES = 64;

type Shape = (typeof PARTITION_SHAPES)[number];

/** Which place's frames do not get through to which. */
export class Partition {
  #cut: ReadonlySet<number> = new Set();
  #holds = false;

  isCut(from: number, to: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(from * PLACES + to);
  }

  /** Whether frames are kept back until the cut is over, instead of lost. */
  get holds(): boolean {
    return this.#holds;
  }

  get active(): boolean {
    return this.#cut.size > 0;
  }

  heal(): void {
    this.#cut = new Set();
  }

  /** Nothing gets through between these places and those. */
  separate(these: readonly number[], those: readonly number[], holds: boolean): void {
    this.#holds = holds;
    this.#cut = new Set(
      these.flatMap((one) =>
        those.flatMap((other) => [one * PLACES + other, other * PLACES + one]),
      ),
    );
  }

  /** Replaces whatever was cut between `places`; returns the shape. The victim is in the first group, where there are groups. */
  draw(random: Random, places: readonly number[], victim: number): Shape {
    const shape = random.pick(PARTITION_SHAPES);
    const others = random.shuffled(places.filter((node) => node !== victim));
    const passes = passing(shape, [victim, ...others], random);
    this.#holds = random.chance(0.4);
    const cut = new Set<number>();
    for (const from of places)
      for (const to of places) if (from !== to && !passes(from, to)) cut.add(from * PLACES + to);
    this.#cut = cut;
    return shape;
  }
}

function passing(
  shape: Shape,
  order: readonly number[],
  random: Random,
): (from: number, to: number) => boolean {
  const place = new Map(order.map((node, index) => [node, index]));
  const at = (node: number): number => place.get(node) ?? 0;
  const count = order.length;
  const middle = Math.floor(count / 2);
  // The victim's group is the smaller one: in a larger one nothing would happen to it. Rather not alone: somebody must believe it.
  const split = random.chance(0.5) ? Math.max(1, middle) : random.between(1, Math.max(1, middle));
  switch (shape) {
    case "halves":
      return (from, to) => at(from) < split === at(to) < split;
    case "one":
      return (from, to) => at(from) !== 0 && at(to) !== 0;
    case "oneWay":
      // One group is heard by nobody outside, and hears everybody; or the other way round.
      return random.chance(0.5)
        ? (from, to) => at(from) >= split || at(to) < split
        : (from, to) => at(from) < split || at(to) >= split;
    case "bridge":
      // Two halves that see each other only through the one in the middle.
      return (from, to) =>
        at(from) === middle || at(to) === middle || at(from) < middle === at(to) < middle;
    case "ring":
      // Each sees its neighbours only; with five nodes everybody sees a majority, and no two the same.
      return (from, to) => [1, count - 1].includes((at(from) - at(to) + count) % count);
    default:
      return shape satisfies never;
  }
}
