import { AnnalsError } from "@annals/record";
import type { FailureClass } from "@annals/sinks";

/** A failure of the graph sink's own, not one that a database reported. */
export class GraphError extends AnnalsError {
  override readonly name = "GraphError";
  readonly failure: FailureClass;

  constructor(
    code: `ERR_GRAPH_${string}`,
    failure: FailureClass,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(code, message, {
      ...options,
      retryable: failure === "transient" || failure === "conflict",
    });
    this.failure = failure;
  }
}
