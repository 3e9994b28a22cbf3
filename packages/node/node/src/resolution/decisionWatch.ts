import type { MemberId } from "@annals/raft";
import { encodeCommand } from "@annals/system";
import type { Roster } from "@annals/system";
import type { Logger } from "pino";
import type { LogPlace } from "../logDirectory.ts";
import type { PeerCopy } from "./peerCopies.ts";

export interface DecisionWatchOptions {
  readonly self: MemberId;
  readonly roster: Roster;
  readonly places: () => readonly LogPlace[];
  /** The nodes that are connected now, and as which incarnation. */
  readonly connected: () => ReadonlyMap<string, MemberId>;
  /** Asks a node for its copy of a log; undefined when it does not answer. */
  readonly ask: (node: string, log: string) => Promise<PeerCopy | undefined>;
  /** Whether this node leads `_system`. */
  readonly leading: () => boolean;
  readonly commit: (data: Uint8Array) => Promise<unknown>;
  readonly logger: Logger;
  /** Milliseconds between two looks; default half a second. */
  readonly intervalMs?: number;
}

/** How soon it is noticed that a node has carried a decision out. */
const LOOK_INTERVAL_MS = 500;

/**
 * Records who has carried a decision out. The leader of `_system` asks those for which a decision waits, again and again: nothing hangs on
 * a single event, and a node that was down for a week is met when it is back.
 */
export class DecisionWatch {
  readonly #options: DecisionWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(options: DecisionWatchOptions) {
    this.#options = options;
    const { intervalMs = LOOK_INTERVAL_MS } = options;
    this.#timer = setInterval(() => void this.#look(), intervalMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { leading, places, logger } = this.#options;
    if (this.#looking || !leading()) return;
    this.#looking = true;
    try {
      for (const place of places()) await this.#lookAt(place);
    } catch (error) {
      logger.debug({ err: error }, "who has carried a decision out is not recorded yet");
    } finally {
      this.#looking = false;
    }
  }

  async #lookAt(place: LogPlace): Promise<void> {
    const { commit } = this.#options;
    const { name: log, decision } = place.entry;
    for (const member of decision?.pending ?? []) {
      if (decision === undefined || !(await this.#isDone(place, member, decision.index))) continue;
      const { index } = decision;
      await commit(encodeCommand({ op: "decisionCarriedOut", log, decision: index, member }));
    }
  }

  async #isDone(place: LogPlace, member: MemberId, index: number): Promise<boolean> {
    const { self, roster, connected, ask } = this.#options;
    if (member === self) return place.carriedOut >= index;
    const node = roster.nodeOf(member);
    // Another incarnation of the node would speak of another copy.
    if (node === undefined || connected().get(node) !== member) return false;
    const copy = await ask(node, place.entry.name);
    return copy?.decision?.decision === index && copy.decision.carriedOut;
  }
}
