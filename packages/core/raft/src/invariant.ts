/**
 * A broken invariant: a bug here, a lost or damaged log, or a peer that broke the protocol. The replica must stop: a stopped
 * replica is an incident, a wrong one is a forged audit log.
 */
export class InvariantError extends Error {
  override readonly name: string = "InvariantError";
  readonly code: string = "ERR_INVARIANT";
}

/** Throws `InvariantError` unless `ok`. The message says what was found, with the numbers. */
export function invariant(ok: unknown, message: string): asserts ok {
  if (!ok) throw new InvariantError(message);
}

/** For the default branch of a switch that must stay exhaustive: a new kind does not compile until it is handled. */
export function assertNever(value: never): never {
  throw new InvariantError(`unhandled case: ${JSON.stringify(value)}`);
}
