import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { Logger } from "pino";
import type { NodeConfig } from "../config/index.ts";
import { tellMisfit } from "../memory/budget.ts";
import { SYSTEM_LOG_ID } from "../names.ts";
import { decodeCommand } from "./catalog.ts";
import type { Catalog, LogEntry, SystemCommand } from "./catalog.ts";
import type { CatalogFile } from "./catalogFile.ts";
import type { LogPlace } from "./logDirectory.ts";
import type { Roster } from "./roster.ts";

export interface SystemCommandsOptions {
  readonly config: NodeConfig;
  readonly catalog: Catalog;
  readonly roster: Roster;
  readonly catalogFile: CatalogFile;
  readonly logger: Logger;
  readonly placeOf: (logId: number) => LogPlace | undefined;
  /** Logs of this node beside `_system`. */
  readonly logCount: () => number;
  readonly onCreated: (entry: LogEntry) => void;
  /** The roster has another member. */
  readonly onMembers: () => void;
  /** A committed command cannot be applied. */
  readonly onFatal: (error: AnnalsError) => void;
}

/**
 * Applies what `_system` carries, in its order, so that all nodes make the same of it. A command may come again, when the log is opened
 * again, and what is known by then may be newer: then it changes nothing.
 */
export class SystemCommands {
  readonly #options: SystemCommandsOptions;

  constructor(options: SystemCommandsOptions) {
    this.#options = options;
  }

  apply(index: number, data: Uint8Array): void {
    try {
      this.#apply(index, decodeCommand(data));
    } catch (error) {
      if (!(error instanceof AnnalsError)) throw error;
      this.#options.onFatal(error);
    }
  }

  #apply(index: number, command: SystemCommand): void {
    switch (command.op) {
      case "createLog":
        this.#logCreated(index, command.name, command.voters);
        return;
      case "setSchema":
        this.#schemaSet(index, command);
        return;
      case "replaceMember":
        this.#memberReplaced(command.node, command.member);
        return;
      default:
        command satisfies never;
    }
  }

  #logCreated(index: number, name: string, voters: readonly MemberId[]): void {
    const { catalog, logger, logCount, onCreated } = this.#options;
    const entry = catalog.create(index, name, voters);
    if (entry === undefined) return;
    logger.info({ log: name, logId: index }, "log created");
    this.#saveCatalog();
    tellMisfit(this.#options, name, logCount() + 1);
    onCreated(entry);
  }

  #schemaSet(index: number, command: Extract<SystemCommand, { op: "setSchema" }>): void {
    const { catalog, placeOf } = this.#options;
    const { log, action, schema } = command;
    const entry = catalog.setSchema(index, log, action, schema);
    const place = entry === undefined ? undefined : placeOf(entry.id);
    if (entry === undefined || place === undefined) return;
    place.entry = entry;
    this.#saveCatalog();
    place.worker?.send({ kind: "schemas", logId: entry.id, schemas: entry.schemas ?? [] });
  }

  #memberReplaced(node: string, member: MemberId): void {
    const { roster, logger, onMembers } = this.#options;
    if (!roster.replace(node, member)) return;
    logger.warn({ peer: node, member }, "node replaced: it had come back with an empty disk");
    onMembers();
  }

  #saveCatalog(): void {
    const { catalog, catalogFile } = this.#options;
    catalogFile.save(catalog.logs().filter(({ id }) => id !== SYSTEM_LOG_ID));
  }
}
