// Goal: a record is the same JSON whether it fits the scratch or not, and leaves nothing for the next one. Method: texts around the edge, of
// one to three bytes a unit, one after the other.
import { expect, test } from "vitest";
import { JsonBytes } from "../src/jsonBytes.ts";

test.each(["a", "é", "語", "🦀", "\ud800", '"'])("%j, of any length", (character) => {
  const json = new JsonBytes();
  for (const length of [20_000, 16_384, 5_500, 5_400, 1, 0]) {
    const record = { actor: { id: character.repeat(length) }, action: "a" };
    expect(Buffer.from(json.of(record)).toString()).toBe(JSON.stringify(record));
  }
});
