import { AnnalsError } from "@annals/record";

/** What stops a sink. The message says what was found and what to do; docs/sinks.md has the codes. */
export class SinkError extends AnnalsError {
  override readonly name = "SinkError";
}
