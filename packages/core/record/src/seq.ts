declare const brand: unique symbol;

/** The dense position of a record in its log: 1, 2, 3 … without gaps; 0 is "before the first". Made only by `asSeq`. */
export type Seq = number & { readonly [brand]: "Seq" };

export function asSeq(value: number): Seq {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`seq ${value} is no safe integer ≥ 0`);
  return value as Seq;
}
