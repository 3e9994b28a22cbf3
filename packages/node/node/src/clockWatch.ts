import { nodeStampClock } from "@annals/worker";
import type { ClockSample, ClockView, StampClock } from "@annals/replica";
import { ClockQuestions } from "@annals/transport";
import type { Logger } from "pino";
import type { NodeConfig } from "@annals/config";
import { monotonicMs } from "@annals/channel";
import { clockReasons } from "./clockReasons.ts";

/** What one node's clock has answered last. */
export interface HeardClock {
  readonly node: string;
  readonly sample: ClockSample;
}

const LOOK_MS = 1000;

/** Compares the clocks of all nodes: asks over the control links, passes the answers on to the workers, and tells when one is wrong. */
export class ClockWatch {
  readonly #config: NodeConfig;
  readonly #logger: Pick<Logger, "warn" | "info">;
  readonly #stamps: StampClock;
  readonly #heard = new Map<string, ClockSample>();
  readonly #timer: NodeJS.Timeout;
  #told: readonly string[] = [];
  /** Takes each answer, beside the clock of this thread. */
  onHeard: ((heard: HeardClock) => void) | undefined;

  constructor(config: NodeConfig, logger: Pick<Logger, "warn" | "info">) {
    this.#config = config;
    this.#logger = logger;
    this.#stamps = nodeStampClock(config);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** What the control link to a node asks. */
  questions(node: string): ClockQuestions {
    return new ClockQuestions(monotonicMs, (sample) => {
      this.#heard.set(node, sample);
      this.#stamps.heard(node, sample);
      this.onHeard?.({ node, sample });
    });
  }

  /** The last answer of each node: what a worker that begins has missed. */
  heard(): readonly HeardClock[] {
    return [...this.#heard].map(([node, sample]) => ({ node, sample }));
  }

  view(): ClockView {
    return this.#stamps.view();
  }

  /** What is wrong with the clocks, in plain words. */
  reasons(): readonly string[] {
    return clockReasons(this.#config.node, this.view());
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A line when a clock goes wrong, and one when all are right again: how far it is off may change all the time. */
  #look(): void {
    const view = this.view();
    const { kind } = view;
    // Whoever hears of nobody learns nothing: what was wrong may still be.
    if (kind === "alone" && Object.keys(this.#config.nodes).length > 1) return;
    const off = view.peers.filter((peer) => peer.off).map(({ node }) => node);
    const wrong = [...(kind === "agreed" || kind === "alone" ? [] : [kind]), ...off];
    if (wrong.join() === this.#told.join()) return;
    this.#told = wrong;
    const reasons = clockReasons(this.#config.node, view);
    if (wrong.length === 0) this.#logger.info({ clock: kind }, "the clocks agree again");
    else this.#logger.warn({ clock: kind, off, reasons }, "a clock is wrong");
  }
}
