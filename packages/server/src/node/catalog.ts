import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { z } from "zod";
import { SYSTEM_LOG_ID } from "../names.ts";
import { SCHEMAS_PER_LOG_MAX } from "../schema/logSchema.ts";
import type { LogSchema } from "../schema/logSchema.ts";
import { SYSTEM_LOG } from "../service.ts";

export interface LogEntry {
  readonly id: number;
  readonly name: string;
  /** The voters it was born with. */
  readonly voters: readonly MemberId[];
  /** Those that were removed, too, for their versions. Absent for none. */
  readonly schemas?: readonly LogSchema[];
}

/** What the log `_system` carries. */
export type SystemCommand =
  | { readonly op: "createLog"; readonly name: string; readonly voters: readonly MemberId[] }
  /** A node came back with an empty disk: its new incarnation takes the place of the old one. */
  | { readonly op: "replaceMember"; readonly node: string; readonly member: MemberId }
  /** What `data` of the records of an action must be from now on; null: anything again. */
  | {
      readonly op: "setSchema";
      readonly log: string;
      readonly action: string;
      readonly schema: string | null;
    };

const memberId = z.int().positive().transform(asMemberId);
const command: z.ZodType<SystemCommand> = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("createLog"),
    name: z.string().min(1),
    voters: z.array(memberId).min(1),
  }),
  z.strictObject({ op: z.literal("replaceMember"), node: z.string().min(1), member: memberId }),
  z.strictObject({
    op: z.literal("setSchema"),
    log: z.string().min(1),
    action: z.string().min(1),
    schema: z.string().nullable(),
  }),
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
  create(
    id: number,
    name: string,
    voters: readonly MemberId[],
    schemas: readonly LogSchema[] = [],
  ): LogEntry | undefined {
    if (this.#logs.has(name)) return undefined;
    const entry = { id, name, voters, schemas };
    this.#logs.set(name, entry);
    return entry;
  }

  /** The log as it is now; undefined when nothing changes: no such log, too many schemas, or the command was seen before. */
  setSchema(
    index: number,
    name: string,
    action: string,
    schema: string | null,
  ): LogEntry | undefined {
    const log = this.#logs.get(name);
    const known = log?.schemas?.find((one) => one.action === action);
    if (log === undefined || (known?.index ?? 0) >= index) return undefined;
    const others = log.schemas?.filter((one) => one !== known) ?? [];
    if (others.length >= SCHEMAS_PER_LOG_MAX) return undefined;
    const version = (known?.version ?? 0) + 1;
    const entry = {
      ...log,
      schemas: [...others, { action, version, schema: schema ?? undefined, index }],
    };
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

export function logExists(name: string): AnnalsError {
  return new AnnalsError("ERR_LOG_EXISTS", `there is a log "${name}" already`);
}
