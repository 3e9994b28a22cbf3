import { invalidOptions } from "./clientError.ts";

const LEADERS_MAX = 1_024;
/** A leader's address that could not be reached is not tried again for so long: it may be one that only other nodes can reach. */
const SHUN_MS = 10_000;

/** Which server to ask: the leader where it is known, else the seeds in turn. */
export class Endpoints {
  readonly #seeds: readonly string[];
  readonly #leaders = new Map<string, string>();
  readonly #shunnedUntil = new Map<string, number>();
  readonly #now: () => number;
  #turn = 0;

  /** `urls` without a path, such as `http://127.0.0.1:7400`. Throws ERR_CLIENT_OPTIONS for anything else. */
  constructor(urls: readonly string[], now: () => number) {
    if (urls.length === 0) throw invalidOptions("no server URL is given");
    this.#seeds = urls.map(parseUrl);
    this.#now = now;
  }

  get seeds(): readonly string[] {
    return this.#seeds;
  }

  /** The base URL for a call about `log`. */
  pick(log: string | undefined): string {
    const leader = log === undefined ? undefined : this.#leaders.get(log);
    return leader ?? this.#seeds[this.#turn % this.#seeds.length] ?? "";
  }

  /** A server said that the leader of `log` is at `address` (`host:port`). */
  learn(log: string, address: string | null): void {
    if (address === null || !/^[^/\s]+:\d+$/.test(address)) return;
    const url = `http://${address}`;
    if ((this.#shunnedUntil.get(url) ?? 0) > this.#now()) return;
    this.#leaders.delete(log);
    this.#leaders.set(log, url);
    for (const oldest of this.#leaders.keys()) {
      if (this.#leaders.size <= LEADERS_MAX) break;
      this.#leaders.delete(oldest);
    }
  }

  /** The server did not serve: the next call goes elsewhere. */
  failed(log: string | undefined, url: string, unreachable: boolean): void {
    if (log !== undefined && this.#leaders.get(log) === url) {
      this.#leaders.delete(log);
      if (unreachable) {
        if (this.#shunnedUntil.size >= LEADERS_MAX) this.#shunnedUntil.clear();
        this.#shunnedUntil.set(url, this.#now() + SHUN_MS);
      }
    }
    if (this.#seeds[this.#turn % this.#seeds.length] === url) this.#turn++;
  }
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain =
    url !== undefined && ["http:", "https:"].includes(url.protocol) && url.pathname === "/";
  if (!plain || url.search !== "" || url.hash !== "") {
    throw invalidOptions(`"${text}" is no server URL such as http://127.0.0.1:7400`);
  }
  return url.origin;
}
