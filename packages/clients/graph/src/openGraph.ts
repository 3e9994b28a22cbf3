import { BoltDatabase } from "./boltDatabase.ts";
import { GrafeoDatabase } from "./grafeoDatabase.ts";
import type { GraphDatabase } from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";

export interface OpenGraphOptions {
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
}

/** `bolt://…` or `neo4j://…` (with `+s` for TLS), or `grafeo:FILE` for the embedded graph; `grafeo:` alone keeps it in memory. */
export async function openGraph(
  url: string,
  options: OpenGraphOptions = {},
): Promise<GraphDatabase> {
  if (/^(?:bolt|neo4j)(?:\+s|\+ssc)?:\/\//.test(url)) return BoltDatabase.open({ url, ...options });
  const [, file] = /^grafeo:(.*)$/.exec(url) ?? [];
  if (file !== undefined) return GrafeoDatabase.open(file === "" ? undefined : file);
  const message = `${url} is no graph: bolt://…, neo4j://… or grafeo:FILE`;
  throw new GraphError("ERR_GRAPH_OPTION", "settings", message);
}
