import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientConfig } from "pg";

/** Milliseconds after which a statement is given up. */
export const STATEMENT_MS: number = 30_000;
const CLOSE_MS = 5_000;

/** How every connection to a PostgreSQL server is made: it never waits without end. */
export const CONNECTION: Readonly<ClientConfig> = {
  connectionTimeoutMillis: 10_000,
  statement_timeout: STATEMENT_MS,
  /** The client gives up on a server that says nothing. */
  query_timeout: 45_000,
  keepAlive: true,
};

/** A connection that is broken has nothing to say any more, and one of which the other end is gone may never say so. */
export async function hangUp(client: Client): Promise<void> {
  const ended = client.end().catch(() => undefined);
  await Promise.race([ended, sleep(CLOSE_MS, undefined, { ref: false })]);
}

/** Host and database of a URL, without user and password. */
export function addressOf(url: string): string {
  try {
    const { host, pathname, searchParams } = new URL(url);
    return `postgres ${searchParams.get("host") ?? host}${pathname}`;
  } catch {
    return "postgres";
  }
}
