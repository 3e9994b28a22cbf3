/**
 * A process that opens LMDB files which may end it by a signal. Prints a JSON line for each segment before it is opened, and one
 * with the result: `{"done": …}` or `{"error": {code, message, details}}`.
 *
 *     scanMain tail|fsck DIRECTORY
 */
import { AnnalsError } from "@annals/record";
import { listSegments } from "./segmentDirectory.ts";
import { checkLogTails } from "./tailCheck.ts";

function print(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const [mode = "", directory = ""] = process.argv.slice(2);
try {
  const firsts = await listSegments(directory);
  const onSegment = (segment: string): void => print({ segment });
  if (mode !== "tail") throw new RangeError(`unknown mode "${mode}"`);
  await checkLogTails(directory, firsts, onSegment);
  print({ done: {} });
} catch (error) {
  const code = error instanceof AnnalsError ? error.code : "ERR_LOG_DAMAGED";
  const details = error instanceof AnnalsError ? error.details : {};
  print({
    error: { code, message: error instanceof Error ? error.message : String(error), details },
  });
}
