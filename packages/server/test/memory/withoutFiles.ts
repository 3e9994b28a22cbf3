/** Takes every file descriptor of this process, then measures it. Prints the resident set before and then, and what Node says of it. */
import { openSync } from "node:fs";
import { residentSetBytes } from "../../src/memory/residentSet.ts";

function takeAll(): void {
  for (;;) openSync("/dev/null", "r");
}

function nodesOwnWord(): string {
  try {
    return String(process.memoryUsage.rss());
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "";
  }
}

// Standard output is opened by the first write.
process.stdout.write("");
const before = residentSetBytes();
try {
  takeAll();
} catch {
  // None is left.
}
process.stdout.write(JSON.stringify({ before, later: residentSetBytes(), word: nodesOwnWord() }));
process.exit();
