import { AnnalsError } from "@annals/record";

/** An AnnalsError as it crosses threads. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
  /** The chain of causes, the nearest one first. */
  readonly causes: readonly PlainCause[];
}

/** One cause of an error. The fields of system errors are those that Node gives them. */
export interface PlainCause {
  readonly name: string;
  readonly message: string;
  /** Frames without the text above them. */
  readonly stack?: string;
  readonly code?: string | number;
  readonly errno?: string | number;
  readonly syscall?: string | number;
  readonly path?: string | number;
}

/** Causes of one error that cross threads: the chain is made by our own code and is short. */
const CAUSES_MAX = 8;

/**
 * Turns anything thrown into data that can cross threads, with the chain of its causes. An error that is no AnnalsError is a bug or an
 * error of the operating system: its own text goes no further than its causes do, into the log of the node.
 */
export function toPlainError(error: unknown): PlainError {
  if (error instanceof AnnalsError) {
    const { code, message, retryable, details, cause } = error;
    return { code, message, retryable, details, causes: causesOf(cause) };
  }
  return {
    code: "ERR_INTERNAL",
    message: "an unexpected failure; see the node's log",
    retryable: false,
    details: {},
    causes: causesOf(error),
  };
}

export function fromPlainError(plain: PlainError): AnnalsError {
  const { code, message, retryable, details } = plain;
  const cause = plain.causes.reduceRight<Error | undefined>(fromPlainCause, undefined);
  return new AnnalsError(code as `ERR_${string}`, message, { retryable, details, cause });
}

/** Says why an operation failed, in one line: the texts of the error's causes, or its own text if it has none. */
export function causeText(error: Error): string {
  const causes = causesOf(error.cause).map(({ message }) => message);
  return causes.length === 0 ? error.message : causes.join(": ");
}

/** The code and the reason of a failure, as fields of a log line. */
export function reasonFields(thrown: unknown): { readonly code: string; readonly reason: string } {
  const error = fromPlainError(toPlainError(thrown));
  return { code: error.code, reason: causeText(error) };
}

function causesOf(thrown: unknown): readonly PlainCause[] {
  const causes: PlainCause[] = [];
  for (let next = thrown; next !== undefined && causes.length < CAUSES_MAX; ) {
    causes.push(toPlainCause(next));
    next = next instanceof Error ? next.cause : undefined;
  }
  return causes;
}

function toPlainCause(thrown: unknown): PlainCause {
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: "no Error was thrown" };
  const { name, message, stack } = thrown;
  const fields = {
    ...textField(thrown, "code"),
    ...textField(thrown, "errno"),
    ...textField(thrown, "syscall"),
    ...textField(thrown, "path"),
  };
  // Texts of coded errors are written by us or by the operating system. Any other text may quote a record: its place must do.
  const told = "code" in thrown ? message : `${name} (its text may hold payload)`;
  return { name, message: told, ...fields, ...frames(stack) };
}

function textField(
  error: object,
  key: "code" | "errno" | "syscall" | "path",
): { readonly [Key in typeof key]?: string | number } {
  const value: unknown = Reflect.get(error, key);
  return typeof value === "string" || typeof value === "number" ? { [key]: value } : {};
}

/** The stack without the text above it. */
function frames(stack: string | undefined): { readonly stack?: string } {
  const at = stack?.search(/^ {4}at /m) ?? -1;
  return stack === undefined || at < 0 ? {} : { stack: stack.slice(at) };
}

function fromPlainCause(cause: Error | undefined, plain: PlainCause): Error {
  const { name, message, stack, ...fields } = plain;
  const error = new Error(message, cause === undefined ? undefined : { cause });
  error.name = name;
  error.stack = `${name}: ${message}${stack === undefined ? "" : `\n${stack}`}`;
  return Object.assign(error, fields);
}
