import { Postgres } from "@annals/sinks";
import type { DeclaredSink, SinkHarness } from "@annals/sinks";
import { Client } from "pg";
import { startPostgres, whyNoPostgres } from "../postgres/postgresServer.ts";
import type { PostgresServer } from "../postgres/postgresServer.ts";

/** A server of this machine, for as many cases as are tried. */
export class PostgresPlaces {
  #server: PostgresServer | undefined;
  #admin: Client | undefined;
  #schemas = 0;

  readonly declared: DeclaredSink<string> = {
    name: "postgres",
    effect: "exact",
    exempt: {},
    obstacle: whyNoPostgres(),
    make: () => this.harness(),
  };

  /** Ends the server as a crash does, and starts it again. */
  async crash(): Promise<void> {
    await this.#server?.crash();
    await this.#admin?.end();
    this.#admin = undefined;
  }

  async close(): Promise<void> {
    await this.#admin?.end();
    await this.#server?.close();
  }

  async harness(): Promise<SinkHarness<string>> {
    this.#server ??= await startPostgres();
    const { url } = this.#server;
    const schema = `s${++this.#schemas}`;
    const options = { url, name: "trial", cluster: "c", log: "audit", lane: 0, schema };
    return {
      sink: () => new Postgres(options),
      dump: async () => {
        const { rows } = await (await this.#ask()).query<{
          readonly seq: string;
          readonly record: unknown;
        }>(`SELECT seq, record FROM ${schema}.records ORDER BY seq`);
        return rows.map(({ seq, record }) => `${seq} ${JSON.stringify(record)}`).join("\n");
      },
      // No text of PostgreSQL has a NUL.
      poison: (record) => ({ ...record, data: { text: "\0" } }),
      backup: async () => {
        const admin = await this.#ask();
        for (const table of TABLES)
          await admin.query(`CREATE TABLE ${schema}.old_${table} AS TABLE ${schema}.${table}`);
      },
      restore: async () => {
        const admin = await this.#ask();
        for (const table of TABLES)
          await admin.query(
            `DELETE FROM ${schema}.${table}; INSERT INTO ${schema}.${table} TABLE ${schema}.old_${table}`,
          );
      },
      close: async () => void (await (await this.#ask()).query(`DROP SCHEMA ${schema} CASCADE`)),
    };
  }

  /** Where the server is, once a harness was made. */
  get url(): string {
    return this.#server?.url ?? "";
  }

  async query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { rows } = await (await this.#ask()).query<Readonly<Record<string, unknown>>>(sql);
    return rows;
  }

  async #ask(): Promise<Client> {
    if (this.#admin !== undefined) return this.#admin;
    const client = new Client({ connectionString: this.#server?.url });
    client.on("error", () => undefined);
    await client.connect();
    this.#admin = client;
    return client;
  }
}

const TABLES = ["records", "sinks"];
