import { command } from "@annals/drill";

type Pair = readonly [from: string, to: string];

const TABLE = ["inet", "annals_chaos"] as const;

/** How a rule is put in and taken out by the program that is there. */
interface Engine {
  readonly open: () => Promise<void>;
  readonly add: (pair: Pair) => Promise<void>;
  readonly remove: (pair: Pair) => Promise<void>;
  readonly close: () => Promise<void>;
}

const nft: Engine = {
  open: async () => {
    await command("nft", "add", "table", ...TABLE);
    await command("nft", `add set inet annals_chaos pairs { type ipv4_addr . ipv4_addr; }`);
    await command("nft", `add chain inet annals_chaos in { type filter hook input priority 0; }`);
    await command("nft", `add rule inet annals_chaos in ip saddr . ip daddr @pairs drop`);
  },
  add: async ([from, to]) => {
    await command("nft", `add element inet annals_chaos pairs { ${from} . ${to} }`);
  },
  remove: async ([from, to]) => {
    await command("nft", `delete element inet annals_chaos pairs { ${from} . ${to} }`);
  },
  close: async () => {
    await command("nft", "delete", "table", ...TABLE);
  },
};

const iptables: Engine = {
  open: async () => {
    await command("iptables", "-N", "annals_chaos");
    await command("iptables", "-I", "INPUT", "-j", "annals_chaos");
  },
  add: async ([from, to]) => {
    await command("iptables", "-A", "annals_chaos", "-s", from, "-d", to, "-j", "DROP");
  },
  remove: async ([from, to]) => {
    await command("iptables", "-D", "annals_chaos", "-s", from, "-d", to, "-j", "DROP");
  },
  close: async () => {
    await command("iptables", "-D", "INPUT", "-j", "annals_chaos");
    await command("iptables", "-F", "annals_chaos");
    await command("iptables", "-X", "annals_chaos");
  },
};

/** Drops packets by sender and receiver. Only for a network namespace of one's own: it would cut off whoever else has these addresses. */
export class PacketFilter {
  readonly #engine: Engine;
  /** How many faults want a pair dropped. */
  readonly #wanted = new Map<string, number>();
  /** One change after the other: faults overlap. */
  #last: Promise<void> = Promise.resolve();

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Rejects with what the programs said when neither `nft` nor `iptables` works here. */
  static async open(): Promise<PacketFilter> {
    const reasons: string[] = [];
    for (const engine of [nft, iptables]) {
      try {
        await engine.open();
        return new PacketFilter(engine);
      } catch (error) {
        reasons.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new Error(reasons.join("; "));
  }

  /** Returns what lets the packets through again. */
  async drop(pairs: readonly Pair[]): Promise<() => Promise<void>> {
    await this.#inTurn(() => this.#change(pairs, 1));
    let dropped = true;
    return async () => {
      if (dropped) await this.#inTurn(() => this.#change(pairs, -1));
      dropped = false;
    };
  }

  /** Everything gets through again. */
  async clear(): Promise<void> {
    await this.#inTurn(async () => {
      for (const key of this.#wanted.keys()) await this.#engine.remove(pairOf(key));
      this.#wanted.clear();
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#engine.close());
  }

  async #change(pairs: readonly Pair[], by: 1 | -1): Promise<void> {
    for (const pair of pairs) {
      const key = pair.join(" ");
      const before = this.#wanted.get(key) ?? 0;
      const after = Math.max(0, before + by);
      if (after === 0) this.#wanted.delete(key);
      else this.#wanted.set(key, after);
      if (before === 0 && after > 0) await this.#engine.add(pair);
      if (before > 0 && after === 0) await this.#engine.remove(pair);
    }
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function pairOf(key: string): Pair {
  const [from = "", to = ""] = key.split(" ");
  return [from, to];
}
