import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
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

/** What the log `_system` carries. */
export type SystemCommand =
  | { readonly op: "createLog"; readonly name: string; readonly voters: readonly MemberId[] }
  /** A node came back with an empty disk: its new incarnation takes the place of the old one. */
  | { readonly op: "replaceMember"; readonly node: string; readonly member: MemberId };

const memberId = z.int().positive().transform(asMemberId);
const command: z.ZodType<SystemCommand> = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("createLog"),
    name: z.string().min(1),
    voters: z.array(memberId).min(1),
  }),
  z.strictObject({ op: z.literal("replaceMember"), node: z.string().min(1), member: memberId }),
]);

export function encodeCommand(value: SystemCommand): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function decodeCommand(data: Uint8Array): SystemCommand {
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

/** The logs of the cluster, as the commands of `_system` created them: the same on every node that has applied the same entries. */
export class Catalog {
  readonly #logs = new Map<string, LogEntry>();

  constructor(voters: readonly MemberId[]) {
    this.#logs.set(SYSTEM_LOG, { id: SYSTEM_LOG_ID, name: SYSTEM_LOG, voters });
  }

  /** Creates a log; undefined if the name was taken or the command was seen before. */
  create(id: number, name: string, voters: readonly MemberId[]): LogEntry | undefined {
    if (this.#logs.has(name)) return undefined;
    const entry = { id, name, voters };
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
