// Goal: SPEC.md stays true. Method: its lists are read; every test that they name must exist and carry the invariant in its `Keeps` comment,
// and every invariant in such a comment must list that test.
import { readSpecLinks } from "@annals/kit";
import { describe, expect, test } from "vitest";

const { numbers, named, claimed } = readSpecLinks(import.meta.dirname, "L");

describe("SPEC.md", () => {
  test("numbers its invariants from 1 without gaps", () => {
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 1));
    expect(numbers.length).toBeGreaterThan(20);
  });

  test("names for every invariant the tests that keep it, and no others", () => {
    expect(named.toSorted()).toEqual(claimed.toSorted());
  });
});
