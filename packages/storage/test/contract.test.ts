// Goal: the LMDB store keeps the contract of `LogStore`, the same cases as the simulated one.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openLogStore } from "@annals/storage";
import { LOG_STORE_CONTRACT, SAMPLE_MEMBERSHIP } from "@annals/testkit";

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "annals-store-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe("LMDB store", () => {
  test.each(LOG_STORE_CONTRACT)("$name", async ({ run }) => {
    const directory = await temporaryDirectory();
    const initial = { membership: SAMPLE_MEMBERSHIP };
    const open = () =>
      openLogStore({ directory, logId: 1, segmentBytes: 64 * 1024 * 1024, initial });
    await expect(run({ open })).resolves.toBeUndefined();
  });
});
