import { constants, open } from "node:fs";
import { realpath } from "node:fs/promises";
import { Socket } from "node:net";
import { addAbortSignal } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const openDescriptor = promisify(open);
/** Between two looks whether somebody writes to a pipe. */
const LOOK_MS = 100;

/**
 * The bytes of a pipe, until its writers have closed it or the signal aborts. Opened and read as a file it would hold a thread until
 * somebody writes, and a process with such a thread ends at SIGKILL only.
 */
export async function* pipeOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  // A pipe without a name, such as of `<(command)`, has its writer already, or had it.
  const isNamed = (await realpath(path).catch(() => undefined)) !== undefined;
  for (;;) {
    let isEmpty = true;
    for await (const part of partsOf(path, signal)) {
      isEmpty = false;
      yield part;
    }
    if (!isEmpty || !isNamed || signal.aborted) return;
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function* partsOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const fd = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    yield* addAbortSignal(signal, new Socket({ fd, readable: true, writable: false }));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
