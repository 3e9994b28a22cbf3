import { Gauge } from "./gauge.ts";

/** What all gauges of one kind hold together. */
export interface FamilyReading {
  readonly current: number;
  /** The most that all of them ever held at a time. */
  readonly peak: number;
  /** The most that a single one ever held: at most its cap and one item. */
  readonly largest: number;
}

/** All gauges of one kind, such as the receive queues of all links. It outlives them: peaks stay when a queue is closed. */
export class GaugeFamily {
  #current = 0;
  #peak = 0;
  #largest = 0;

  gauge(cap: number): Gauge {
    return new Gauge(cap, this);
  }

  /** One of its gauges, which now holds `held`, has changed by `amount`. */
  moved(amount: number, held: number): void {
    this.#current += amount;
    this.#peak = Math.max(this.#peak, this.#current);
    this.#largest = Math.max(this.#largest, held);
  }

  read(): FamilyReading {
    return { current: this.#current, peak: this.#peak, largest: this.#largest };
  }
}

/** The gauges of one thread by the names of their bounds, and how often something was paused there. */
export class Ledger {
  readonly #families = new Map<string, GaugeFamily>();
  readonly #pauses = new Map<string, number>();

  family(name: string): GaugeFamily {
    const known = this.#families.get(name);
    if (known !== undefined) return known;
    const family = new GaugeFamily();
    this.#families.set(name, family);
    return family;
  }

  /** A gate was paused. What follows a colon names one thing of many, such as a blob, and is not counted by itself. */
  paused(reason: string): void {
    const [kind = reason] = reason.split(":", 1);
    this.#pauses.set(kind, (this.#pauses.get(kind) ?? 0) + 1);
  }

  /** How often each kind of reason was taken since the thread began. */
  pauses(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#pauses);
  }

  read(): Readonly<Record<string, FamilyReading>> {
    return Object.fromEntries([...this.#families].map(([name, family]) => [name, family.read()]));
  }
}
