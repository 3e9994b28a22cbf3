import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AnnalsClient } from "@annals/client";
import { addressOf, CONNECTION, hangUp } from "@annals/sinks";
import type { Client } from "pg";
import { unmappedRecord } from "../mapping.ts";
import type { RecordMapping, SourceItem } from "../mapping.ts";
import { PartOwner } from "../partOwner.ts";
import type { PartItem } from "../partOwner.ts";
import { partItem } from "../records.ts";
import type { Source } from "../source.ts";
import { StateCache } from "../stateCache.ts";
import { SourceMeter } from "../status.ts";
import type { SourceStatus } from "../status.ts";
import { tableError } from "./failures.ts";
import {
  checkHistory,
  checkTable,
  countBehind,
  indexStatement,
  nameOf,
  parsePosition,
  positionIn,
  positionText,
  readBatch,
  ROW_BYTES_MAX,
  rowId,
} from "./table.ts";
import type { Row, SourceTable } from "./table.ts";

export interface PostgresSourceOptions extends SourceTable {
  readonly name: string;
  readonly client: AnnalsClient;
  /** Id of the cluster. */
  readonly cluster: string;
  readonly log: string;
  /** `postgres://user@host/database`. */
  readonly url: string;
  readonly mapping: RecordMapping;
  /** Milliseconds between two looks at a table that has nothing new; default 1 000. */
  readonly pollMs?: number | undefined;
  /** Told what an operator should know and is no failure. */
  readonly note?: (text: string) => void;
}

/** The action of the record with which a process takes a table over. */
const TAKEOVER_ACTION = "postgres.takeover";
const POLL_MS = 1_000;
const LAG_MS = 10_000;

/**
 * Records each row of a table that only grows, once. Rows are read in the order of their transactions, and only of those that are over, so
 * none is passed that commits later than others with a greater key. How far it is the log knows; the table is only read.
 */
export class PostgresSource implements Source {
  readonly name: string;
  readonly #options: PostgresSourceOptions;
  readonly #meter: SourceMeter;
  readonly #target: string;
  readonly #part: string;

  constructor(options: PostgresSourceOptions) {
    const { name, log, url } = options;
    this.name = name;
    this.#options = options;
    this.#part = nameOf(options);
    this.#target = `${addressOf(url)}, table ${this.#part}`;
    this.#meter = new SourceMeter({ name, log, target: this.#target });
  }

  get status(): SourceStatus {
    return this.#meter.status();
  }

  test(): Promise<string> {
    return this.#connected(async (client) => {
      const { type, isIndexed } = await checkTable(client, this.#options);
      await readBatch(client, this.#options, type, undefined);
      const index = isIndexed ? "" : `; it has no index: ${indexStatement(this.#options)}`;
      return `table ${this.#part} can be read by transaction and ${this.#options.column}${index}`;
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#meter.state = "starting";
    try {
      await this.#connected((client) => this.#follow(client, signal));
      this.#meter.state = "stopped";
    } catch (error) {
      if (signal.aborted) {
        this.#meter.state = "stopped";
        return;
      }
      const told = tableError(error, this.#target);
      this.#meter.failed(told, told.retryable ? "backing-off" : "failed");
      throw told;
    }
  }

  async #follow(client: Client, signal: AbortSignal): Promise<void> {
    const { note } = this.#options;
    const { type, isIndexed } = await checkTable(client, this.#options);
    if (!isIndexed) note?.(`each look reads the whole table: ${indexStatement(this.#options)}`);
    if (!(await this.#alone(client, signal))) return;
    this.#meter.dealt([this.#part]);
    const owner = this.#owner(signal);
    let lookedMs = Number.NEGATIVE_INFINITY;
    let isBusy = false;
    while (!signal.aborted) {
      const text = await owner.position();
      const after = text === undefined ? undefined : parsePosition(text);
      if (after !== undefined) await checkHistory(client, this.#options, after);
      if (performance.now() - lookedMs >= LAG_MS) {
        lookedMs = performance.now();
        const lag = await countBehind(client, this.#options, type, after);
        this.#meter.stands(this.#part, text ?? "", lag);
      }
      const rows = await readBatch(client, this.#options, type, after);
      if (rows.length > 0) await this.#record(owner, rows);
      // Whoever has caught up says so at once.
      else if (this.#meter.status().lag !== 0 && isBusy) lookedMs = Number.NEGATIVE_INFINITY;
      else await this.#idle(signal);
      isBusy = rows.length > 0;
    }
  }

  /** False: the signal came first. A second process would take turns with this one for nothing. */
  async #alone(client: Client, signal: AbortSignal): Promise<boolean> {
    const { cluster, log, name } = this.#options;
    const lock = JSON.stringify(["annals source", cluster, log, name]);
    while (!signal.aborted) {
      const { rows } = await client.query<{ readonly locked: boolean }>(
        "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked",
        [lock],
      );
      if (rows[0]?.locked === true) return true;
      this.#meter.state = "standby";
      await this.#idle(signal);
    }
    return false;
  }

  async #record(owner: PartOwner, rows: readonly Row[]): Promise<void> {
    await owner.append(rows.map((row) => this.#item(row)));
    const last = rows.at(-1);
    if (last !== undefined) this.#meter.stands(this.#part, positionText(last), undefined);
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const { pollMs = POLL_MS } = this.#options;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }

  #item(row: Row): PartItem {
    const { mapping } = this.#options;
    const item: SourceItem = {
      kind: "postgres",
      origin: this.#part,
      id: rowId(this.#options, row),
      key: Buffer.from(row.key),
      value: row.row === null ? undefined : Buffer.from(row.row),
      timestampMs: row.timeMs ?? 0,
      place: (name) => (name === "table" ? this.#part : undefined),
    };
    const position = positionText(row);
    if (row.row !== null) return partItem(item, position, mapping, new StateCache(0));
    const reason = `the row has ${row.bytes} bytes of JSON, at most ${ROW_BYTES_MAX} are recorded`;
    const refused = (code: string): PartItem["record"] => unmappedRecord(item, code);
    return { record: unmappedRecord(item, reason), position, isUnmapped: true, refused };
  }

  #owner(signal: AbortSignal): PartOwner {
    const { client, log, name } = this.#options;
    const digest = createHash("sha256")
      .update(JSON.stringify([name, this.#part]))
      .digest("hex");
    return new PartOwner({
      client,
      log,
      producer: `postgres-${digest.slice(0, 32)}`,
      name: this.#part,
      actor: `postgres:${name}`,
      action: TAKEOVER_ACTION,
      positionOf: (id) => positionIn(this.#options, id),
      isSearched: true,
      signal,
      count: (what, by) => this.#meter.count(what, by),
    });
  }

  async #connected<T>(work: (client: Client) => Promise<T>): Promise<T> {
    // Only who has such a source loads the driver.
    const { Client: PgClient } = await import("pg");
    const client = new PgClient({
      ...CONNECTION,
      connectionString: this.#options.url,
      application_name: `annals source ${this.name}`,
    });
    // What is under way rejects by itself.
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("SET default_transaction_read_only = on; SET timezone = 'UTC'");
      return await work(client);
    } catch (error) {
      throw tableError(error, this.#target);
    } finally {
      await hangUp(client);
    }
  }
}
