/**
 * Goal: while entries give way to others, nobody reads what is about to go, and everybody what stays. Method: a truncating write that is
 * looked at while it is in the air.
 */
import { cycleOf, hardState, noopEntry, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import { expect, test } from "vitest";
import { openLogStore } from "../src/openLogStore.ts";
import { temporaryDirectory } from "./support/directory.ts";

test("what is being truncated is not read any more, by index or by seq", async () => {
  const store = await openLogStore({
    directory: await temporaryDirectory(),
    logId: 7,
    segmentBytes: 1024 * 1024,
    initial: { membership: SAMPLE_MEMBERSHIP },
    scanFirst: false,
  });
  await store.write(cycleOf({ entries: plainEntries(1, 6, 1), hardState: hardState(2, 1, 3) }));
  const writing = store.write(cycleOf({ entries: [noopEntry(5, 2)] }));
  expect(store.lastIndex()).toBe(4);
  expect([4, 5, 6].map((seq) => store.indexOfSeq(asSeq(seq)))).toEqual([4, undefined, undefined]);
  expect([4, 5].map((index) => store.storedEntry(asIndex(index))?.entry.index)).toEqual([
    4,
    undefined,
  ]);
  expect(store.term(asIndex(5))).toBe("unavailable");
  expect(() => store.entries(asIndex(4), asIndex(6), Infinity, Infinity)).toThrow(RangeError);
  await expect(store.write(cycleOf({}))).rejects.toMatchObject({ code: "ERR_STORAGE_MISUSE" });
  await writing;
  expect([store.lastIndex(), store.lastSeq(), store.term(asIndex(5))]).toEqual([5, 4, 2]);
  expect(store.indexOfSeq(asSeq(5))).toBeUndefined();
  await store.close();
});
