import type { Admin } from "kafkajs";
import type { SourceMeter } from "../status.ts";

const LOOK_MS = 10_000;

interface Watched {
  readonly group: string;
  readonly topics: readonly string[];
}

/** Asks the brokers from time to time where partitions end: idle ones, too, and while nothing can be recorded. */
export class LagWatch {
  readonly #admin: Admin;
  readonly #watched: Watched;
  readonly #meter: SourceMeter;
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(admin: Admin, watched: Watched, meter: SourceMeter) {
    this.#admin = admin;
    this.#watched = watched;
    this.#meter = meter;
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  /** What was kept with the offsets of the group; none if the brokers do not say. */
  async committed(): Promise<readonly string[]> {
    const found = await this.#offsets().catch(() => []);
    return found.flatMap(({ partitions }) => partitions.map(({ metadata }) => metadata ?? ""));
  }

  /** Never rejects: without an answer the last one stands. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const committed = await this.#offsets();
      for (const { topic, partitions } of committed) {
        const ends = await this.#admin.fetchTopicOffsets(topic);
        for (const { partition, high, low } of ends) {
          const known = partitions.find((one) => one.partition === partition);
          const offset = known === undefined || known.offset === "-1" ? low : known.offset;
          this.#meter.found(`${topic}/${partition}`, BigInt(offset), BigInt(high));
        }
      }
    } catch {
      // Whatever is wrong ends the source by itself, or is over when it is asked again.
    } finally {
      this.#isLooking = false;
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #offsets(): ReturnType<Admin["fetchOffsets"]> {
    const { group, topics } = this.#watched;
    return this.#admin.fetchOffsets({ groupId: group, topics: [...topics] });
  }
}
