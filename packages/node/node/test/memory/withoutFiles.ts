/** Takes every file descriptor of this process, then measures it. Prints the resident set before and then, and what Node says of it. */
import { takeFileDescriptors } from "@annals/kit";
import { residentSetBytes } from "../../src/memory/residentSet.ts";

function nodesOwnWord(): string {
  try {
    return String(process.memoryUsage.rss());
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "";
  }
}

const before = residentSetBytes();
takeFileDescriptors();
process.stdout.write(JSON.stringify({ before, later: residentSetBytes(), word: nodesOwnWord() }));
process.exit();
