import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { z } from "zod";
import { SYSTEM_LOG_ID } from "../names.ts";
import { decide, without } from "../resolution/logDecision.ts";
import type { LogDecision, ResolveCommand } from "../resolution/logDecision.ts";
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
  /** The latest one that was made for it. */
  readonly decision?: LogDecision;
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
    }
  /** A log has diverged: the copy of one node is kept. */
  | ({ readonly op: "resolveLog" } & ResolveCommand)
  /** A member has carried that out. */
  | {
      readonly op: "decisionCarriedOut";
      readonly log: string;
      readonly decision: number;
      readonly member: MemberId;
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
  z.strictObject({
    op: z.literal("resolveLog"),
    log: z.string().min(1),
    keep: z.string().min(1),
    member: memberId,
    by: z.string(),
    at: z.int().nonnegative(),
  }),
  z.strictObject({
    op: z.literal("decisionCarriedOut"),
    log: z.string().min(1),
    decision: z.int().positive(),
    member: memberId,
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
  create(id: number, name: string, voters: readonly MemberId[]): LogEntry | undefined {
    return this.take({ id, name, voters, schemas: [] });
  }

  /** Takes a log as it was known before; undefined if the name was taken. */
  take(entry: LogEntry): LogEntry | undefined {
    if (this.#logs.has(entry.name)) return undefined;
    this.#logs.set(entry.name, entry);
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

  /** Somebody decides for a log; the log as it is now, undefined when nothing changes. */
  decide(
    index: number,
    command: ResolveCommand,
    members: Parameters<typeof decide>[3],
  ): LogEntry | undefined {
    const log = this.#logs.get(command.log);
    // It was created later: then this command has found none.
    if (log === undefined || log.id > index || log.id === SYSTEM_LOG_ID) return undefined;
    return this.#decided(log, decide(index, command, log, members));
  }

  /** A member has carried a decision out; the log as it is now, undefined when nothing changes. */
  carriedOut(
    index: number,
    name: string,
    decision: number,
    member: MemberId,
  ): LogEntry | undefined {
    const log = this.#logs.get(name);
    if (log?.decision === undefined || log.decision.index !== decision) return undefined;
    return this.#decided(log, without(log.decision, member, index));
  }

  /** The copies of a member are gone with its disk: no decision waits for it. Yields the logs that change, as they are now. */
  forget(index: number, member: MemberId): readonly LogEntry[] {
    return this.logs().flatMap((log) => {
      const { decision } = log;
      if (decision === undefined) return [];
      return this.#decided(log, without(decision, member, index)) ?? [];
    });
  }

  #decided(log: LogEntry, decision: LogDecision | undefined): LogEntry | undefined {
    if (decision === undefined || decision === log.decision) return undefined;
    const entry = { ...log, decision };
    this.#logs.set(log.name, entry);
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
