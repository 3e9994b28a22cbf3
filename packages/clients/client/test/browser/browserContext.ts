import { createContext, runInContext } from "node:vm";
import type { Context } from "node:vm";

/** Objects of the platform that Node and browsers have under one name, and that the SDK may use. */
const SHARED = {
  fetch,
  WebSocket,
  Headers,
  Response,
  Blob,
  ReadableStream,
  TextEncoder,
  TextDecoder,
  AbortController,
  AbortSignal,
  DOMException,
  URL,
  URLSearchParams,
  crypto,
  performance,
  console,
} as const;

/** A timer is a number in a browser, and an object with methods in Node. */
const TIMERS = {
  setTimeout: (told: () => void, waitMs: number): number => Number(setTimeout(told, waitMs)),
  setInterval: (told: () => void, everyMs: number): number => Number(setInterval(told, everyMs)),
  clearTimeout: (timer: number | undefined): void => clearTimeout(timer),
  clearInterval: (timer: number | undefined): void => clearInterval(timer),
};

/** A global scope as a page of `origin` has it, with nothing of Node's: neither `process` nor `Buffer` nor `require`. */
export function browserContext(origin: string, more: Readonly<Record<string, unknown>>): Context {
  const page = { location: new URL(origin), navigator: { userAgent: "A browser" } };
  return createContext(
    { ...SHARED, ...TIMERS, ...page, ...more },
    { codeGeneration: { strings: false, wasm: false } },
  );
}

/** Runs a script there; gives the value of its last statement. */
export function runThere(context: Context, script: string): unknown {
  return runInContext(script, context);
}
