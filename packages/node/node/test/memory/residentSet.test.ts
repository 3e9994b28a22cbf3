/** Goal: whoever measures a node does not end it when it has no file descriptor left. Method: a process that has taken all of its own. */
import { join } from "node:path";
import { runWithFewFiles } from "@annals/kit";
import { expect, test } from "vitest";

const SCRIPT = join(import.meta.dirname, "withoutFiles.ts");

test("without a file descriptor the resident set is what was read last", async () => {
  const { before, later, word } = JSON.parse(await runWithFewFiles(SCRIPT));
  expect(word).toBe("EMFILE");
  expect(before).toBeGreaterThan(1 << 20);
  expect(later).toBe(before);
});
