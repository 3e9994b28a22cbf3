/** Takes every file descriptor of this process, then scans the log that is named. Prints `{code, errno}` of the refusal. */
import { takeFileDescriptors } from "@annals/kit";
import { StorageError } from "../../src/storageError.ts";
import { TailScanner } from "../../src/check/tailScanner.ts";

takeFileDescriptors();
const scanner = new TailScanner();
const refusal = await scanner.scan(process.argv[2] ?? "").then(
  () => undefined,
  (error: unknown) => error,
);
const { code, details } =
  refusal instanceof StorageError ? refusal : { code: String(refusal), details: { errno: "" } };
process.stdout.write(JSON.stringify({ code, errno: details["errno"] }));
process.exit();
