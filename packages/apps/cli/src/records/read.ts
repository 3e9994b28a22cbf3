import type { Query, StoredRecord } from "@annals/client";
import type { Command } from "commander";
import { usageError } from "../program/cliError.ts";
import { examples, wholeNumber, withClient, withLog, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { RecordRows, printRecord } from "./recordRows.ts";
import { parseTime } from "./time.ts";

interface FilterOptions extends ClientOptions, OutputOptions {
  readonly log: string;
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly tenant?: string;
  readonly consistency?: string;
}

interface QueryOptions extends FilterOptions {
  readonly from?: string;
  readonly to?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly cursor?: string;
  readonly desc?: boolean;
  readonly all?: boolean;
}

interface TailOptions extends FilterOptions {
  readonly follow?: boolean;
  readonly lines: string;
  readonly from?: string;
}

const LIMIT_MAX = 10_000;
const PAGE_RECORDS = 1_000;

function withFilter(command: Command): Command {
  return withOutput(withClient(withLog(command)))
    .option("--actor <id>", "by this actor")
    .option(
      "--action <action>",
      "this action, or all that begin so: 'file.*'; a * of the action itself is '\\*'",
    )
    .option("--target <id>", "to this target")
    .option("--tenant <name>", "of this tenant")
    .option("--consistency <kind>", "linearizable (default), or local: what the asked node has");
}

export function registerGet(program: Command, context: CliContext): void {
  const command = program
    .command("get")
    .description("print one record by its seq")
    .argument("<seq>", "position in the log")
    .option("--consistency <kind>", "linearizable (default) or local")
    .action(async (text: string, options: FilterOptions) => {
      const seq = wholeNumber("seq", text, 1, Number.MAX_SAFE_INTEGER);
      const record = await context
        .client(options)
        .get(options.log, seq, { ...consistency(options), signal: context.interrupt });
      await printRecord(context, record, context.format(options));
    });
  examples(withOutput(withClient(withLog(command))), [
    "annals get 42",
    "annals get 42 --log orders -o json",
  ]);
}

export function registerQuery(program: Command, context: CliContext): void {
  const command = program
    .command("query")
    .description("print the records that match, a page at a time")
    .option("--from <seq>", "first seq")
    .option("--to <seq>", "last seq")
    .option(
      "--since <time>",
      "recorded at this time or later: RFC 3339, a day, or how long ago (90m)",
    )
    .option("--until <time>", "recorded before this time")
    .option("--limit <records>", "at most so many", "100")
    .option("--cursor <cursor>", "go on after an earlier page of the same query")
    .option("--desc", "newest first")
    .option("--all", "every page, not only the first")
    .action((options: QueryOptions) => query(context, options));
  examples(withFilter(command), [
    "annals query --action 'file.*' --since 2d",
    "annals query --actor ada --target report.pdf --desc --limit 5",
    "annals query --all -o ndjson > audit.ndjson",
  ]);
}

export function registerTail(program: Command, context: CliContext): void {
  const command = program
    .command("tail")
    .description("print the last records; with -f, go on with each new one")
    .option("-f, --follow", "wait for new records until Ctrl-C")
    .option("-n, --lines <records>", "how many of the last ones", "10")
    .option("--from <seq>", "begin at this seq instead")
    .action((options: TailOptions) => tail(context, options));
  examples(withFilter(command), [
    "annals tail -n 20",
    "annals tail -f --action 'login.*' -o ndjson",
  ]);
}

function consistency(options: FilterOptions): Pick<Query, "consistency"> {
  const { consistency: text } = options;
  if (text === undefined) return {};
  if (text === "linearizable" || text === "local") return { consistency: text };
  throw usageError(`--consistency ${text}: expected linearizable or local`);
}

function filterOf(options: FilterOptions): Query {
  const { actor, action, target, tenant } = options;
  return { actor, action, target, tenant, ...consistency(options) };
}

function seqOption(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(name, text, 1, Number.MAX_SAFE_INTEGER);
}

function queryOf(options: QueryOptions, nowMs: number): Query {
  const { since, until, cursor } = options;
  return {
    ...filterOf(options),
    from: seqOption("--from", options.from),
    to: seqOption("--to", options.to),
    since: since === undefined ? undefined : parseTime("--since", since, nowMs),
    until: until === undefined ? undefined : parseTime("--until", until, nowMs),
    order: options.desc === true ? "desc" : "asc",
    limit: wholeNumber("--limit", options.limit, 1, LIMIT_MAX),
    cursor,
  };
}

async function query(context: CliContext, options: QueryOptions): Promise<void> {
  const client = context.client(options);
  const format = context.format(options);
  const asked = queryOf(options, Date.now());
  const callOptions = { signal: context.interrupt };
  if (options.all === true) {
    if (format === "json")
      throw usageError(
        "--all goes with -o ndjson or table: one JSON object of everything has no bound",
      );
    const rows = new RecordRows(context, format);
    const everything = { ...asked, limit: PAGE_RECORDS };
    for await (const { items } of client.pages(options.log, everything, callOptions))
      await rows.page(items);
    return;
  }
  // A page may end early, at the server's budget; the limit is what was asked for.
  const items: StoredRecord[] = [];
  let limit = asked.limit ?? LIMIT_MAX;
  let page = await client.read(options.log, asked, callOptions);
  const { from, to } = page.covered;
  const covered = { from, to };
  for (;;) {
    items.push(...page.items);
    limit -= page.items.length;
    covered.from = Math.min(covered.from, page.covered.from);
    covered.to = Math.max(covered.to, page.covered.to);
    if (!page.more || page.next === null || limit <= 0) break;
    page = await client.read(options.log, { ...asked, cursor: page.next, limit }, callOptions);
  }
  if (format === "json")
    return context.printJson({ items, covered, next: page.next, more: page.more });
  await new RecordRows(context, format).page(items);
  if (format === "ndjson") return;
  const range =
    covered.to < covered.from
      ? "the log has nothing there"
      : `seq ${covered.from} to ${covered.to} looked at`;
  const found = items.length === 1 ? "1 record" : `${items.length} records`;
  await context.note(
    `${found}; ${range}${page.more && page.next !== null ? `; more: --cursor ${page.next}` : ""}`,
  );
}

async function tail(context: CliContext, options: TailOptions): Promise<void> {
  const client = context.client(options);
  const format = context.format(options);
  const filter = filterOf(options);
  const lines = wholeNumber("--lines", options.lines, 0, LIMIT_MAX);
  const signal = context.interrupt;
  const rows = new RecordRows(context, format);
  let from = seqOption("--from", options.from);
  if (from === undefined) {
    const last = await lastRecords(context, options, lines);
    await rows.lines(last.records);
    from = last.next;
  } else if (options.follow !== true) {
    for await (const { items } of client.pages(options.log, { ...filter, from }, { signal }))
      await rows.lines(items);
  }
  if (options.follow !== true) return;
  for await (const record of client.tail(
    options.log,
    { ...filter, from, limit: PAGE_RECORDS },
    { signal },
  )) {
    await rows.lines([record]);
  }
}

/** The newest records that match, oldest first, and the seq after the log's present end. */
async function lastRecords(
  context: CliContext,
  options: TailOptions,
  count: number,
): Promise<{ readonly records: readonly StoredRecord[]; readonly next: number }> {
  const client = context.client(options);
  const signal = context.interrupt;
  const asked: Query = { ...filterOf(options), order: "desc", limit: Math.max(1, count) };
  const records: StoredRecord[] = [];
  let next: number | undefined;
  let cursor: string | undefined;
  do {
    const page = await client.read(
      options.log,
      { ...asked, cursor, limit: Math.max(1, count - records.length) },
      { signal },
    );
    next ??= page.covered.to + 1;
    records.push(...page.items);
    cursor = page.more && records.length < count ? (page.next ?? undefined) : undefined;
  } while (cursor !== undefined);
  return { records: records.slice(0, count).toReversed(), next };
}
