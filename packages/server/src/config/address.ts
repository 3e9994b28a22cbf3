import type { NodeAddress } from "./nodeConfig.ts";

/** Takes `host:port` or `[v6]:port` apart; undefined if it is neither. */
export function parseAddress(text: string): NodeAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  return port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/** Whether only programs on the same machine can connect to the host. Any name but `localhost` counts as reachable from elsewhere. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
