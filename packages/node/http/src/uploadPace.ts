import type { IncomingMessage } from "node:http";
import { httpError } from "./problem.ts";

export interface UploadLimits {
  /** Bytes per second that a body must bring at least: `ingest.minUploadRate`. */
  readonly minRate: number;
  /** Milliseconds for which it may be slower: `ingest.uploadGrace`. */
  readonly graceMs: number;
  /** Milliseconds until all of it must be here: `http.requestTimeout`. */
  readonly timeoutMs: number;
}

const IDLE_MS = 30_000;

/**
 * The chunks of a body. Throws ERR_REQUEST_TIMEOUT or ERR_UPLOAD_TOO_SLOW when it does not come in time; more of it may come then.
 * `onBegin` gets what ends it by an error from outside.
 */
export async function* paced(
  payload: IncomingMessage,
  { minRate, graceMs, timeoutMs }: UploadLimits,
  onBegin?: (cut: (error: Error) => void) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let late: Error | undefined;
  // One promise a chunk: a body may come in a million of them, and whatever raced against each would keep something of each.
  let giveUp: ((error: Error) => void) | undefined;
  const cut = (error: Error): void => {
    late ??= error;
    giveUp?.(late);
  };
  onBegin?.(cut);
  const { socket } = payload;
  let seen = socket.bytesRead;
  let waiting = false;
  const least = Math.ceil((minRate * graceMs) / 1000);
  // Judged after sockets were read: this thread may have been busy. What is here and not taken yet is not the sender's fault.
  const pace = setInterval(() => {
    setImmediate(() => {
      const bytes = socket.bytesRead - seen;
      seen = socket.bytesRead;
      if (bytes < least && waiting) cut(tooSlow(bytes, graceMs, minRate));
    });
  }, graceMs);
  const timer = setTimeout(() => {
    setImmediate(() => {
      if (!payload.complete) cut(tooLate(timeoutMs));
    });
  }, timeoutMs);
  // Whoever stops reading still answers on the connection.
  const chunks = payload.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      waiting = true;
      const step = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
        giveUp = reject;
        chunks.next().then(resolve, reject);
      });
      waiting = false;
      if (late !== undefined) throw late;
      if (step.done === true) return;
      yield step.value as Uint8Array;
    }
  } finally {
    clearInterval(pace);
    clearTimeout(timer);
    // Not awaited: it waits for a chunk that may never come.
    void chunks.return?.();
  }
}

/** Cuts a small body that is not here in time. */
export function cutWhenLate(raw: IncomingMessage, timeoutMs: number): void {
  const timer = setTimeout(() => raw.destroy(), timeoutMs);
  timer.unref();
  for (const event of ["end", "close"] as const) raw.once(event, () => clearTimeout(timer));
}

/** Cuts the upload of a blob, which may take long as long as it moves. */
export function cutWhenIdle(raw: IncomingMessage): void {
  let seen = 0;
  const timer = setInterval(() => {
    const { bytesRead } = raw.socket;
    if (bytesRead === seen && !raw.isPaused()) raw.destroy();
    seen = bytesRead;
  }, IDLE_MS);
  timer.unref();
  for (const event of ["end", "close"] as const) raw.once(event, () => clearInterval(timer));
}

function tooSlow(bytes: number, graceMs: number, minRate: number): Error {
  return httpError(
    "ERR_UPLOAD_TOO_SLOW",
    `upload too slow: ${bytes} bytes of the body arrived in ${graceMs} ms, the minimum is ${minRate} bytes a second ` +
      "(ingest.minUploadRate); nothing of this request was accepted",
    { retryable: true, details: { bytes, graceMs, minRate } },
  );
}

/** It stood still while others found no room. */
export function stoodStill(idleMs: number): Error {
  return httpError(
    "ERR_UPLOAD_TOO_SLOW",
    `the body stood still for ${Math.round(idleMs)} ms while others found no room: nothing of this request was accepted`,
    { retryable: true, details: { idleMs: Math.round(idleMs) } },
  );
}

function tooLate(timeoutMs: number): Error {
  return httpError(
    "ERR_REQUEST_TIMEOUT",
    `the request body did not arrive within ${timeoutMs} ms (http.requestTimeout); ` +
      "nothing of this request was accepted",
    { retryable: true, details: { timeoutMs } },
  );
}
