import { invalidOptions } from "./clientError.ts";
import type { Transport } from "./transport.ts";

/** The oldest versions that have all of it. */
const NEEDED = "Node 22, Chrome 119, Firefox 135, Safari 18.4";

/** Throws ERR_CLIENT_OPTIONS where the runtime lacks something that would else be missed in the middle of something. */
export function assertRuntime(transport: Transport | undefined): void {
  const missing = [
    ...(transport === undefined && typeof WebSocket === "undefined" ? ["WebSocket"] : []),
    ...("withResolvers" in Promise ? [] : ["Promise.withResolvers"]),
    ...("rawJSON" in JSON ? [] : ["JSON.rawJSON"]),
  ];
  if (missing.length === 0) return;
  const runtime = "navigator" in globalThis ? navigator.userAgent : "this runtime";
  throw invalidOptions(`${runtime} lacks ${missing.join(", ")}: ${NEEDED} or newer is needed`);
}
