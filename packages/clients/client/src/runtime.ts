import { invalidOptions } from "./clientError.ts";

/** Throws ERR_CLIENT_OPTIONS where the runtime lacks something that would else be missed in the middle of something. */
export function assertRuntime(): void {
  const missing = [
    ...("WebSocket" in globalThis ? [] : ["WebSocket"]),
    ...("withResolvers" in Promise ? [] : ["Promise.withResolvers"]),
    ...("rawJSON" in JSON ? [] : ["JSON.rawJSON"]),
  ];
  if (missing.length === 0) return;
  const version = typeof process === "undefined" ? "this runtime" : `Node ${process.version}`;
  throw invalidOptions(`${version} lacks ${missing.join(", ")}: Node 22 or newer is needed`);
}
