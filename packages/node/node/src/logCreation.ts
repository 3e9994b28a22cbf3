import { assertRoom, shapeOf } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import type { MemberId } from "@annals/raft";
import { encodeCommand, logExists } from "@annals/system";
import type { LogPlace } from "./logDirectory.ts";

export interface LogCreationOptions {
  readonly config: NodeConfig;
  /** Resolves once everything that is committed in `_system` is applied here. */
  readonly barrier: () => Promise<unknown>;
  /** Commits a command in `_system`; resolves with its index when it is applied here. */
  readonly command: (data: Uint8Array) => Promise<number>;
  readonly lookUp: (name: string) => LogPlace | undefined;
  /** Logs of this node beside `_system`. */
  readonly logCount: () => number;
  /** The voters of a log that is born now. */
  readonly voters: () => readonly MemberId[];
}

/**
 * Creates logs on the node that leads `_system`. Whether one more fits is decided before its command is committed, so those under way
 * count as if they were there: else many at once would all pass the same check.
 */
export class LogCreation {
  readonly #options: LogCreationOptions;
  #underWay = 0;

  constructor(options: LogCreationOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the log is known on this node. Rejects with ERR_LOG_EXISTS, and with ERR_MEMORY_LIMIT when this node could not hold one
   * more: the others have the same configuration, or report it.
   */
  async create(name: string): Promise<LogPlace> {
    const { barrier, lookUp, config, logCount } = this.#options;
    // What an earlier leader has proposed, and what is committed by now, is there before anything is counted.
    await barrier();
    if (lookUp(name) !== undefined) throw logExists(name);
    assertRoom(config, shapeOf(config, logCount() + this.#underWay + 1));
    this.#underWay += 1;
    try {
      return await this.#commit(name);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #commit(name: string): Promise<LogPlace> {
    const { command, lookUp, voters } = this.#options;
    const index = await command(encodeCommand({ op: "createLog", name, voters: voters() }));
    const place = lookUp(name);
    if (place === undefined || place.entry.id !== index) throw logExists(name);
    return place;
  }
}
