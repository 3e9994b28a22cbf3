// Goal: the LMDB store keeps the contract of `LogStore`, the same cases as the simulated one, in one segment and in many.
import { join } from "node:path";
import { LOG_STORE_CONTRACT, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { describe, expect, test } from "vitest";
import { openLogStore } from "../src/openLogStore.ts";
import { temporaryDirectory } from "./support/directory.ts";

const initial = { membership: SAMPLE_MEMBERSHIP };

describe.each([
  ["one segment", 64 * 1024 * 1024],
  // A new LMDB file is larger, so that every write after a commit begins a segment; half of it bounds the tail that is carried over.
  ["a segment for every commit", 16 * 1024],
])("LMDB store, %s", (_name, segmentBytes) => {
  // Hundreds of segments, each flushed several times: a busy disk takes its time.
  test.each(LOG_STORE_CONTRACT)("$name", { timeout: 60_000 }, async ({ run }) => {
    const directory = join(await temporaryDirectory(), "log");
    const open = () =>
      openLogStore({ directory, logId: 1, segmentBytes, initial, scanFirst: false });
    await expect(run({ open })).resolves.toBeUndefined();
  });
});
