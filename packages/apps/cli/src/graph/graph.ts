import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { GraphDatabase, GraphParameters, GraphRow } from "@annals/graph";
import { AnnalsError } from "@annals/record";
import { messageOf } from "@annals/sinks";
import type { Command } from "commander";
import { CliError, usageError } from "../program/cliError.ts";
import { collect, examples, withOutput } from "../program/context.ts";
import type { CliContext, OutputOptions } from "../program/context.ts";
import { renderTable } from "../program/table.ts";
import { readTextFile } from "../program/textFile.ts";
import { graphConnector, withoutSecrets } from "../sink/makeSink.ts";
import type { WrittenGraph } from "../sink/sinkSchema.ts";

type QueryOptions = OutputOptions &
  Omit<WrittenGraph, "url"> & { readonly file?: string; readonly set?: readonly string[] };

export function registerGraph(program: Command, context: CliContext): void {
  const group = program.command("graph").description("graphs that sinks have written");
  const command = group
    .command("query")
    .description("ask a graph in Cypher; whatever the statement changes is rolled back")
    .argument("<url>", "bolt://…, neo4j://… or grafeo:FILE, of which no runner is at work")
    .argument("[cypher]", "the statement")
    .option("-f, --file <file>", "a file with the statement")
    .option("--set <name=value>", "a parameter, as text; repeatable", collect)
    .option("--user <name>", "as whom")
    .option("--password-env <variable>", "the environment variable with the password")
    .option("--database <name>", "which one of the server")
    .action((url: string, cypher: string | undefined, options: QueryOptions) =>
      runQuery(context, url, cypher, options),
    );
  examples(withOutput(command), [
    `annals graph query grafeo:audit.graph "MATCH (a:Actor) RETURN a.id LIMIT 10"`,
    "annals graph query grafeo:code.graph -f packages/apps/cli/examples/git/lastChange.cypher --set file=README.md",
  ]);
}

async function runQuery(
  context: CliContext,
  url: string,
  cypher: string | undefined,
  options: QueryOptions,
): Promise<void> {
  const format = context.format(options);
  const statement = await statementOf(context, cypher, options.file);
  const parameters = parametersOf(options.set ?? []);
  const rows = await ask(context, { ...options, url }, statement, parameters);
  if (format === "json") return context.printJson({ items: rows, next: null });
  if (format === "ndjson") {
    for (const row of rows) await context.print(`${JSON.stringify(row)}\n`);
    return undefined;
  }
  const columns = Object.keys(rows[0] ?? {}).map((name) => ({
    title: name.toUpperCase(),
    value: (row: GraphRow): string => textOf(row[name]),
  }));
  return columns.length === 0
    ? context.note("no rows")
    : context.print(renderTable(columns, rows, context.look));
}

async function ask(
  context: CliContext,
  graph: WrittenGraph,
  statement: string,
  parameters: GraphParameters,
): Promise<readonly GraphRow[]> {
  const [, file] = /^grafeo:(.+)$/.exec(graph.url) ?? [];
  // Opening would make it.
  if (file !== undefined && !existsSync(resolve(context.io.cwd, file)))
    throw new CliError("ERR_FILE_UNREADABLE", `there is no graph ${file}`);
  const database = await connected(context, "query", graph);
  try {
    const transaction = await database.begin(context.interrupt);
    try {
      return await transaction.run(statement, parameters);
    } finally {
      await transaction.rollback();
    }
  } catch (error) {
    throw graphRefusal(graph.url, error);
  } finally {
    await database.close();
  }
}

/** Opens a graph, with what its driver says in one line. */
export async function connected(
  context: CliContext,
  name: string,
  graph: WrittenGraph,
): Promise<GraphDatabase> {
  const connect = await graphConnector(context.io, name, graph);
  return connect().catch((error: unknown) => {
    throw graphRefusal(graph.url, error);
  });
}

function graphRefusal(url: string, cause: unknown): unknown {
  if (cause instanceof AnnalsError) return cause;
  return new CliError("ERR_GRAPH_REFUSED", `${withoutSecrets(url)}: ${messageOf(cause)}`, {
    cause,
  });
}

async function statementOf(
  { io }: CliContext,
  cypher: string | undefined,
  file: string | undefined,
): Promise<string> {
  if ((cypher === undefined) === (file === undefined))
    throw usageError("give a statement, or a file with one (--file)");
  if (file === undefined) return cypher ?? "";
  return readTextFile(io.cwd, file);
}

function parametersOf(given: readonly string[]): GraphParameters {
  const entries = given.map((text) => {
    const [, name, value] = /^([A-Za-z]\w*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw usageError(`--set ${text}: expected name=value`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
