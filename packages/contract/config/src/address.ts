/** A `host:port` taken apart; an IPv6 host is without its brackets. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** Takes `host:port` or `[v6]:port` apart; undefined if it is neither. */
export function parseAddress(text: string): NodeAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([1-9]\d{0,4})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? "";
  if (match[2] !== undefined && !host.split(".").every(isLabel)) return undefined;
  const port = Number(match[3]);
  return port <= 65_535 ? { host, port } : undefined;
}

/** Whether a part of a host name is one: neither empty nor with a dash at an end (RFC 1123 §2.1); `_` is met in private names. */
function isLabel(text: string): boolean {
  return text !== "" && !text.startsWith("-") && !text.endsWith("-");
}

/** Whether only programs on the same machine can connect to the host. Any name but `localhost` counts as reachable from elsewhere. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
