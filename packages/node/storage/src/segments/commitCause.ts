/**
 * LMDB's reason for a failed commit comes as a second promise on the error. It must be awaited here: a rejection that nobody
 * handles ends the process before anyone could say why.
 */
export async function commitCause(error: unknown): Promise<unknown> {
  if (error instanceof Error && "commitError" in error) {
    try {
      await error.commitError;
    } catch (cause) {
      return cause;
    }
  }
  return error;
}
