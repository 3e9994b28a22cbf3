import { asMemberId } from "@annals/raft";
import type { LogIndex, MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { z } from "zod";
import { SYSTEM_LOG } from "../service.ts";

/** The id of `_system`; every other log's id is the index of the entry that created it. */
export const SYSTEM_LOG_ID = 0;

export interface LogEntry {
  readonly id: number;
  readonly name: string;
  /** The voters it was born with. */
  readonly voters: readonly MemberId[];
}

const command = z.strictObject({
  op: z.literal("createLog"),
  name: z.string().min(1),
  voters: z.array(z.int().positive().transform(asMemberId)).min(1),
});
type SystemCommand = z.infer<typeof command>;

export function encodeCreateLog(name: string, voters: readonly MemberId[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ op: "createLog", name, voters }));
}

function decodeCommand(data: Uint8Array): SystemCommand {
  try {
    return command.parse(JSON.parse(new TextDecoder().decode(data)));
  } catch (cause) {
    // A committed command that this build cannot read must stop the node: skipping it would make the replicas differ.
    throw new AnnalsError(
      "ERR_COMMAND_UNKNOWN",
      "a committed command does not parse: this build is older than the cluster",
      { cause },
    );
  }
}

/** The logs of the cluster: what the commands of `_system` add up to. The same on every node that has applied the same entries. */
export class Catalog {
  readonly #logs = new Map<string, LogEntry>();

  constructor(voters: readonly MemberId[]) {
    this.#logs.set(SYSTEM_LOG, { id: SYSTEM_LOG_ID, name: SYSTEM_LOG, voters });
  }

  /** Applies a committed command; returns the log it created, or undefined if the name was taken or the command was seen before. */
  apply(index: LogIndex, data: Uint8Array): LogEntry | undefined {
    const { name, voters } = decodeCommand(data);
    if (this.#logs.has(name)) return undefined;
    const entry = { id: index, name, voters };
    this.#logs.set(name, entry);
    return entry;
  }

  get(name: string): LogEntry | undefined {
    return this.#logs.get(name);
  }

  logs(): readonly LogEntry[] {
    return [...this.#logs.values()];
  }
}
