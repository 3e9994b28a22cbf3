/** Goal: whoever measures a node does not end it when it has no file descriptor left. Method: a process that has taken all of its own. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const SCRIPT = join(import.meta.dirname, "withoutFiles.ts");

test("without a file descriptor the resident set is what was read last", async () => {
  const words = [process.execPath, "--conditions=annals-source", SCRIPT];
  const command = words.map((word) => `'${word}'`).join(" ");
  const { stdout } = await promisify(execFile)("sh", ["-c", `ulimit -n 64; ${command}`]);
  const { before, later, word } = JSON.parse(stdout);
  expect(word).toBe("EMFILE");
  expect(before).toBeGreaterThan(1 << 20);
  expect(later).toBe(before);
});
