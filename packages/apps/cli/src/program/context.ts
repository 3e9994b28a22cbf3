import { AnnalsClient, ClientError } from "@annals/client";
import { parseDuration } from "@annals/config";
import type { Command } from "commander";
import type { FsckNode, StartNode } from "./parts.ts";
import { usageError } from "./cliError.ts";
import { EXIT } from "./exitCodes.ts";
import type { ExitCode } from "./exitCodes.ts";
import type { CliIo } from "./io.ts";
import { OUTPUT_FORMATS, wantsColor } from "./output.ts";
import type { OutputFormat } from "./output.ts";
import { StatusLine } from "./statusLine.ts";
import type { TableLook } from "./table.ts";

export const DEFAULT_URL = "http://127.0.0.1:7400";
const DEFAULT_TIMEOUT = "5s";

/** Options of every command that talks to a cluster. */
export interface ClientOptions {
  readonly url?: readonly string[];
  readonly timeout?: string;
}

export interface OutputOptions {
  readonly output?: string;
}

/** What commands share. */
export class CliContext {
  readonly io: CliIo;
  /** How far a long command is, on stderr. */
  readonly status: StatusLine;
  readonly startNode: StartNode;
  readonly fsckNode: FsckNode;
  /** Aborts at the first Ctrl-C. */
  readonly interrupt: AbortSignal;
  /** What the process exits with unless something throws. */
  exitCode: ExitCode = EXIT.ok;
  readonly #clients: AnnalsClient[] = [];

  constructor(
    io: CliIo,
    parts: { startNode: StartNode; fsckNode: FsckNode },
    interrupt: AbortSignal,
  ) {
    this.status = new StatusLine(io.stderr);
    const { stdout, stderr } = io;
    this.io = { ...io, stdout: this.status.above(stdout), stderr: this.status.above(stderr) };
    this.startNode = parts.startNode;
    this.fsckNode = parts.fsckNode;
    this.interrupt = interrupt;
  }

  urls(options: ClientOptions): readonly string[] {
    const fromEnv = (this.io.env["ANNALS_URL"] ?? "").split(/[\s,]+/).filter((url) => url !== "");
    if (options.url !== undefined && options.url.length > 0) return options.url;
    return fromEnv.length > 0 ? fromEnv : [DEFAULT_URL];
  }

  /** A client of the cluster that the options, the environment or the default name. Closed when the command ends. */
  client(options: ClientOptions, retryForMs?: number): AnnalsClient {
    return this.clientOf(this.urls(options), retryForMs ?? this.timeoutMs(options));
  }

  /** How long to keep trying, in milliseconds. */
  timeoutMs(options: ClientOptions): number {
    const timeout = options.timeout ?? this.io.env["ANNALS_TIMEOUT"] ?? DEFAULT_TIMEOUT;
    const parsed = parseDuration(timeout);
    if (!parsed.ok) throw usageError(`--timeout: ${parsed.message}`);
    return parsed.value;
  }

  clientOf(urls: readonly string[], retryForMs: number): AnnalsClient {
    try {
      const client = new AnnalsClient({ urls, retryForMs });
      this.#clients.push(client);
      return client;
    } catch (error) {
      const isOption = error instanceof ClientError && error.code === "ERR_CLIENT_OPTIONS";
      throw isOption ? usageError(`--url: ${error.message}`) : error;
    }
  }

  format(options: OutputOptions): OutputFormat {
    const text = options.output ?? this.io.env["ANNALS_OUTPUT"] ?? "table";
    const format = OUTPUT_FORMATS.find((candidate) => candidate === text);
    if (format === undefined)
      throw usageError(`--output ${text}: expected ${OUTPUT_FORMATS.join(", ")}`);
    return format;
  }

  get color(): boolean {
    return wantsColor(this.io.stdout, this.io.env);
  }

  /** How a table is drawn on stdout. */
  get look(): TableLook {
    const { isTty, columns } = this.io.stdout;
    return { color: this.color, width: isTty ? columns : Infinity };
  }

  /** What is on stdin, until Ctrl-C: at a terminal nothing may come for hours. Then it throws. */
  async *stdin(): AsyncGenerator<Uint8Array, void> {
    const { promise: interrupted, reject } = Promise.withResolvers<never>();
    this.interrupt.addEventListener("abort", () => reject(this.interrupt.reason), { once: true });
    interrupted.catch(() => undefined);
    this.interrupt.throwIfAborted();
    const parts = this.io.stdin[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await Promise.race([parts.next(), interrupted]);
      if (done === true) return;
      yield value;
    }
  }

  print(text: string): Promise<void> {
    return this.io.stdout.write(text);
  }

  printJson(value: unknown): Promise<void> {
    return this.io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  note(text: string): Promise<void> {
    return this.io.stderr.write(`${text}\n`);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** Adds the options of every command that talks to a cluster. */
export function withClient(command: Command): Command {
  return command
    .option("--url <url>", "a node's address; repeatable (env ANNALS_URL)", collect)
    .option(
      "--timeout <duration>",
      `how long to keep trying (env ANNALS_TIMEOUT, default ${DEFAULT_TIMEOUT})`,
    );
}

export function withOutput(command: Command): Command {
  return command.option("-o, --output <format>", "table, json or ndjson (env ANNALS_OUTPUT)");
}

export function withLog(command: Command): Command {
  return command.option("--log <name>", "name of the log", "audit");
}

/** For options that can be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** A whole number within bounds, or a usage error that names the option. */
export function wholeNumber(option: string, text: string, low: number, high: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw usageError(`${option} ${text}: expected a whole number from ${low} to ${high}`);
}

/** Help begins with examples. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText(
    "before",
    `Examples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`,
  );
}
