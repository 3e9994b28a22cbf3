/**
 * How requests and streams leave the process. `globalTransport` does it with what every runtime has; a program gives another one to send
 * through a proxy, with certificates of its own, or into a test.
 */
export interface Transport {
  /** Sends one request, as the global `fetch` does: rejects where no answer came, and as soon as the signal in `init` is aborted. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Opens the WebSocket of a stream, as `new WebSocket(url, protocol)` does. */
  readonly openSocket: (url: string, protocol: string) => StreamSocket;
  /**
   * Whether calls go to the address that a node names as the leader's. False where only the URLs that were given can be reached: in a page,
   * whose browser lets it ask other origins only if these allow it, and behind a proxy.
   */
  readonly followsLeader: boolean;
}

/** The part of a WebSocket that a stream uses. */
export interface StreamSocket {
  /** 1 while it is open. */
  readonly readyState: number;
  addEventListener(kind: "message", told: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    kind: "close",
    told: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(kind: "error", told: () => void): void;
  send(text: string): void;
  close(code: number): void;
}

/** The globals `fetch` and `WebSocket`, as they are at the time of each call. */
export function globalTransport(): Transport {
  return {
    fetch: (url, init) => fetch(url, init),
    openSocket: (url, protocol) => new WebSocket(url, protocol),
    // Pages and their workers have a location; programs have none.
    followsLeader: typeof location === "undefined",
  };
}
