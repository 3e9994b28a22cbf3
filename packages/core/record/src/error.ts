/**
 * An operating error that a caller can act on: matched by `code`, never by class or text. Codes are never reused; `docs/errors.md`
 * lists them and a test keeps both equal.
 */
export class AnnalsError extends Error {
  override readonly name: string = "AnnalsError";
  /** `ERR_` and a literal, such as `ERR_NOT_LEADER`. */
  readonly code: string;
  /** Whether the same request may succeed later without any change. */
  readonly retryable: boolean;
  /** Fields to act on, shown in problem documents; JSON values only, never payload. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: `ERR_${string}`,
    message: string,
    options: { retryable?: boolean; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}
