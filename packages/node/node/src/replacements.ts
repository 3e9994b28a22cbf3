import type { MemberId } from "@annals/raft";
import type { Logger } from "pino";
import { encodeCommand } from "@annals/system";
import type { Roster } from "@annals/system";

export interface ReplacementsOptions {
  readonly roster: Roster;
  /** The nodes that are connected now, and as which incarnation. */
  readonly connected: () => ReadonlyMap<string, MemberId>;
  /** Whether this node leads `_system`. */
  readonly leading: () => boolean;
  readonly commit: (data: Uint8Array) => Promise<unknown>;
  readonly logger: Logger;
}

/** How soon a node that came back with an empty disk is noticed. */
const LOOK_INTERVAL_MS = 1000;

/**
 * Records replaced disks. A node that is connected under another incarnation than the roster has came back with an empty disk. The leader
 * of `_system` records it; the leaders of the logs then take it in as a learner. It looks again from time to time, so that nothing hangs on
 * a single event.
 */
export class Replacements {
  readonly #options: ReplacementsOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(options: ReplacementsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), LOOK_INTERVAL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { roster, connected, leading, commit, logger } = this.#options;
    if (!leading()) return;
    for (const [node, member] of connected()) {
      if (roster.memberOf(node) === member || roster.isRetired(member)) continue;
      await commit(encodeCommand({ op: "replaceMember", node, member })).catch((error: unknown) => {
        logger.debug({ err: error, peer: node }, "replacement not recorded yet");
      });
    }
  }
}
