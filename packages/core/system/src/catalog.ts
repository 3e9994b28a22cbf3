import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { SYSTEM_LOG, SYSTEM_LOG_ID } from "./names.ts";
import { decide, without } from "./logDecision.ts";
import type { LogDecision, ResolveCommand } from "./logDecision.ts";
import { SCHEMAS_PER_LOG_MAX } from "./logSchema.ts";
import type { LogSchema } from "./logSchema.ts";

export interface CatalogEntry {
  readonly id: number;
  readonly name: string;
  /** The voters it was born with. */
  readonly voters: readonly MemberId[];
  /** Those that were removed, too, for their versions. Absent for none. */
  readonly schemas?: readonly LogSchema[];
  /** The latest one that was made for it. */
  readonly decision?: LogDecision;
}

/** The logs of the cluster, as the commands of `_system` created them: the same on every node that has applied the same entries. */
export class Catalog {
  readonly #logs = new Map<string, CatalogEntry>();

  constructor(voters: readonly MemberId[]) {
    this.#logs.set(SYSTEM_LOG, { id: SYSTEM_LOG_ID, name: SYSTEM_LOG, voters });
  }

  /** Creates a log; undefined if the name was taken or the command was seen before. */
  create(id: number, name: string, voters: readonly MemberId[]): CatalogEntry | undefined {
    return this.take({ id, name, voters, schemas: [] });
  }

  /** Takes a log as it was known before; undefined if the name was taken. */
  take(entry: CatalogEntry): CatalogEntry | undefined {
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
  ): CatalogEntry | undefined {
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
  ): CatalogEntry | undefined {
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
  ): CatalogEntry | undefined {
    const log = this.#logs.get(name);
    if (log?.decision === undefined || log.decision.index !== decision) return undefined;
    return this.#decided(log, without(log.decision, member, index));
  }

  /** The copies of a member are gone with its disk: no decision waits for it. Yields the logs that change, as they are now. */
  forget(index: number, member: MemberId): readonly CatalogEntry[] {
    return this.logs().flatMap((log) => {
      const { decision } = log;
      if (decision === undefined) return [];
      return this.#decided(log, without(decision, member, index)) ?? [];
    });
  }

  #decided(log: CatalogEntry, decision: LogDecision | undefined): CatalogEntry | undefined {
    if (decision === undefined || decision === log.decision) return undefined;
    const entry = { ...log, decision };
    this.#logs.set(log.name, entry);
    return entry;
  }

  get(name: string): CatalogEntry | undefined {
    return this.#logs.get(name);
  }

  logs(): readonly CatalogEntry[] {
    return [...this.#logs.values()];
  }
}

export function logExists(name: string): AnnalsError {
  return new AnnalsError("ERR_LOG_EXISTS", `there is a log "${name}" already`);
}
