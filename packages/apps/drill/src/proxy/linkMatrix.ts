import { Direction } from "./direction.ts";
import type { Impairment } from "./direction.ts";
import { FaultProxy } from "./faultProxy.ts";
import type { ProxyClock } from "./pipe.ts";

export interface LinkMatrixOptions {
  /** `host:port` of every node. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly listenHost: string;
  readonly clock: ProxyClock;
}

/** Every ordered pair of nodes with the proxy between them; a direction counts for the connections that either end has dialled. */
export class LinkMatrix {
  readonly #directions = new Map<string, Direction>();
  readonly #proxies = new Map<string, FaultProxy>();

  static async start(options: LinkMatrixOptions): Promise<LinkMatrix> {
    const { addresses, listenHost, clock } = options;
    const matrix = new LinkMatrix();
    const pairs = [...addresses.keys()].flatMap((from) =>
      [...addresses.keys()].filter((to) => to !== from).map((to) => [from, to] as const),
    );
    for (const [from, to] of pairs) matrix.#directions.set(key(from, to), new Direction());
    for (const [from, to] of pairs) {
      const target = parse(addresses.get(to) ?? "");
      const { host: sourceHost } = parse(addresses.get(from) ?? "");
      const there = matrix.direction(from, to);
      const back = matrix.direction(to, from);
      const options = { listenHost, target, sourceHost, there, back, clock };
      matrix.#proxies.set(key(from, to), await FaultProxy.start(options));
    }
    return matrix;
  }

  /** What a node dials instead of its peers' addresses: address → address. */
  routesOf(from: string, addresses: ReadonlyMap<string, string>): Record<string, string> {
    const routes: Record<string, string> = {};
    for (const [to, address] of addresses) {
      const proxy = this.#proxies.get(key(from, to));
      if (proxy !== undefined) routes[address] = proxy.address;
    }
    return routes;
  }

  direction(from: string, to: string): Direction {
    const direction = this.#directions.get(key(from, to));
    if (direction === undefined) throw new RangeError(`no link from ${from} to ${to}`);
    return direction;
  }

  /** Impairs the given directions at once; returns what heals them. */
  impair(pairs: readonly (readonly [string, string])[], impairment: Impairment): () => void {
    const heals = pairs.map(([from, to]) => this.direction(from, to).impair(impairment));
    return () => {
      for (const heal of heals) heal();
    };
  }

  /** Cuts what is connected between two nodes, whoever has dialled; returns how many connections. */
  reset(one: string, other: string): number {
    const cut = (from: string, to: string): number =>
      this.#proxies.get(key(from, to))?.reset() ?? 0;
    return cut(one, other) + cut(other, one);
  }

  healAll(): void {
    for (const direction of this.#directions.values()) direction.clear();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}

function key(from: string, to: string): string {
  return `${from}>${to}`;
}

function parse(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
