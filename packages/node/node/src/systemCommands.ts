import { tellMisfit } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { decodeCommand, SYSTEM_LOG_ID } from "@annals/system";
import type { Catalog, CatalogEntry, Roster, SystemCommand } from "@annals/system";
import type { Logger } from "pino";
import type { CatalogFile } from "./catalogFile.ts";
import type { LogPlace } from "./logDirectory.ts";

export interface SystemCommandsOptions {
  readonly config: NodeConfig;
  readonly catalog: Catalog;
  readonly roster: Roster;
  readonly catalogFile: CatalogFile;
  readonly logger: Logger;
  readonly placeOf: (logId: number) => LogPlace | undefined;
  /** Logs of this node beside `_system`. */
  readonly logCount: () => number;
  readonly onCreated: (entry: CatalogEntry) => void;
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
        this.#memberReplaced(index, command.node, command.member);
        return;
      case "resolveLog":
        this.#decided(index, command);
        return;
      case "decisionCarriedOut":
        this.#carriedOut(index, command);
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
    void this.#saveCatalog();
    tellMisfit(this.#options, name, logCount() + 1);
    onCreated(entry);
  }

  #schemaSet(index: number, command: Extract<SystemCommand, { op: "setSchema" }>): void {
    const { catalog } = this.#options;
    const { log, action, schema } = command;
    const place = this.#changed(catalog.setSchema(index, log, action, schema));
    if (place === undefined) return;
    void this.#saveCatalog();
    const { id, schemas = [] } = place.entry;
    place.worker?.send({ kind: "schemas", logId: id, schemas });
  }

  #memberReplaced(index: number, node: string, member: MemberId): void {
    const { catalog, roster, logger, onMembers } = this.#options;
    const former = roster.memberOf(node);
    if (!roster.replace(node, member)) return;
    logger.warn({ peer: node, member }, "node replaced: it had come back with an empty disk");
    onMembers();
    if (former === undefined) return;
    for (const entry of catalog.forget(index, former)) this.#tellDecision(entry);
  }

  #decided(index: number, command: Extract<SystemCommand, { op: "resolveLog" }>): void {
    const { catalog, roster, logger } = this.#options;
    const entry = catalog.decide(index, command, roster);
    const { log, keep, by, at } = command;
    if (entry?.decision?.index === index)
      logger.warn({ log, decision: index, keep, by, at }, "decided: one copy of the log is kept");
    this.#tellDecision(entry);
  }

  #carriedOut(index: number, command: Extract<SystemCommand, { op: "decisionCarriedOut" }>): void {
    const { catalog, roster, logger } = this.#options;
    const { log, decision, member } = command;
    const entry = catalog.carriedOut(index, log, decision, member);
    if (entry === undefined) return;
    const peer = roster.nodeOf(member);
    logger.info({ log, decision, peer }, "a node has carried the decision out");
    this.#tellDecision(entry);
  }

  /** Before anything is done about a decision it is on this disk: a start must know whose word counts before `_system` has a leader. */
  #tellDecision(changed: CatalogEntry | undefined): void {
    const place = this.#changed(changed);
    const saved = place === undefined ? undefined : this.#saveCatalog();
    void saved?.then(() => {
      const { id, decision } = place?.entry ?? {};
      if (id === undefined || decision === undefined) return;
      place?.worker?.send({ kind: "decision", logId: id, decision });
    });
  }

  /** The place of a log that has changed; undefined when nothing has. */
  #changed(entry: CatalogEntry | undefined): LogPlace | undefined {
    const place = entry === undefined ? undefined : this.#options.placeOf(entry.id);
    if (entry !== undefined && place !== undefined) place.entry = entry;
    return place;
  }

  #saveCatalog(): Promise<void> {
    const { catalog, catalogFile } = this.#options;
    return catalogFile.save(catalog.logs().filter(({ id }) => id !== SYSTEM_LOG_ID));
  }
}
