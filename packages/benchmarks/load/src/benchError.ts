import { AnnalsError } from "@annals/record";

/** Why a measurement could not be made. */
type BenchErrorCode =
  /** No node could be reached, or the one that was does not take the connection. */
  | "ERR_BENCH_CONNECT"
  /** The cluster was not there in time, or went away. */
  | "ERR_BENCH_CLUSTER"
  /** Options that do not go together. */
  | "ERR_BENCH_OPTIONS"
  /** What came back is not what was written. */
  | "ERR_BENCH_WRONG";

export class BenchError extends AnnalsError {
  override readonly name = "BenchError";

  constructor(code: BenchErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
  }
}
