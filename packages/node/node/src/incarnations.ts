import { setTimeout as delay } from "node:timers/promises";
import type { AnnalsError } from "@annals/record";
import { diskRefusal } from "@annals/storage";
import type { Logger } from "pino";
import type { NodeConfig } from "@annals/config";
import { finishQuarantine, quarantine } from "./quarantine.ts";
import { RETREAT_POLL_MS } from "./retreat.ts";

export interface RunningNode {
  readonly url: string;
  /** Stops accepting, finishes what is in flight, hands leadership over, closes storage. Idempotent. */
  close(): Promise<void>;
  /** Settles when the node has ended: 0 after `close`, another code after a fatal failure. */
  readonly closed: Promise<{ readonly code: number }>;
}

/** How one life of a node ends. `quarantine`: its disk cannot be trusted, the next life begins on a blank one. */
export type IncarnationEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "quarantine"; readonly what: string };

/** A node from its start on one data directory to its end. */
export interface Incarnation {
  readonly url: string;
  close(): Promise<void>;
  readonly ended: Promise<IncarnationEnd>;
}

export interface IncarnationsOptions {
  readonly config: NodeConfig;
  readonly logger: Logger;
  readonly start: () => Promise<Incarnation>;
  /** Ends a start that waits for something. */
  readonly stop: () => void;
}

/** Exit code when a node that had to begin anew could not, or whose data another process has. */
const EXIT_BEGIN_FAILED = 74;

/** A node over its incarnations: when one finds its disk unusable, the disk is put aside and the next one begins blank. */
export class Incarnations implements RunningNode {
  readonly url: string;
  readonly closed: Promise<{ readonly code: number }>;
  readonly #options: IncarnationsOptions;
  #current: Incarnation;
  #closing = false;
  #exitCode: number | undefined;

  constructor(options: IncarnationsOptions, first: Incarnation) {
    this.#options = options;
    this.#current = first;
    this.url = first.url;
    this.closed = this.#live().then(({ code }) => ({ code: this.#exitCode ?? code }));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#options.stop();
    await this.#current.close();
    await this.closed;
  }

  /** Ends this node for an error that is none of its incarnation's. */
  fail(error: AnnalsError): void {
    this.#options.logger.fatal({ err: error, code: error.code }, "this node cannot go on");
    this.#exitCode = EXIT_BEGIN_FAILED;
    void this.close();
  }

  /** Tried again while the disk refuses; undefined when the node was asked to stop meanwhile. */
  async #putAside(): Promise<string | undefined> {
    const { config, logger } = this.#options;
    let told = "";
    while (!this.#closing) {
      try {
        const begun = await finishQuarantine(config.data);
        return begun ?? (await quarantine(config.data, Date.now()));
      } catch (error) {
        const refusal = diskRefusal(error, config.data);
        if (refusal === undefined) throw error;
        if (refusal.message !== told)
          logger.warn({ err: refusal }, "the data cannot be put aside while the disk refuses");
        told = refusal.message;
      }
      await delay(RETREAT_POLL_MS);
    }
    return undefined;
  }

  async #live(): Promise<{ readonly code: number }> {
    const { logger, start } = this.#options;
    for (;;) {
      const end = await this.#current.ended;
      if (end.kind === "exit") return { code: end.code };
      await this.#current.close();
      if (this.#closing) return { code: 0 };
      try {
        const path = await this.#putAside();
        if (path === undefined) return { code: 0 };
        logger.warn(
          { reason: end.what, quarantine: path },
          "this disk was unusable: its data is put aside and the node begins anew as a new member; the quarantine may be deleted",
        );
        this.#current = await start();
      } catch (error) {
        if (this.#closing) return { code: 0 };
        logger.fatal({ err: error }, "the node could not begin anew");
        return { code: EXIT_BEGIN_FAILED };
      }
      // Asked to stop while it began.
      if (this.#closing) await this.#current.close();
    }
  }
}
