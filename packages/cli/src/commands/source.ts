import { formatScenarioProblems } from "@annals/drill";
import type { ScenarioProblem } from "@annals/drill";
import { runKafkaSource } from "@annals/kafka";
import { parseDuration } from "@annals/server";
import type { Command } from "commander";
import { z } from "zod";
import { CliError } from "../cliError.ts";
import { examples, withClient } from "../context.ts";
import type { CliContext, ClientOptions } from "../context.ts";
import { EXIT } from "../exitCodes.ts";
import type { CliIo } from "../io.ts";
import { readYaml } from "../yamlFile.ts";
import { keepsPassword, readSecurity, SASL, TLS } from "./sourceSecurity.ts";

/** What brokers allow by default (group.min.session.timeout.ms). */
const SESSION_MS_MIN = 6_000;

/** 0 for what is no duration. */
function millisecondsOf(written: string): number {
  const parsed = parseDuration(written);
  return parsed.ok ? parsed.value : 0;
}

const text = z.string().min(1);
const entity = z.strictObject({ id: text, type: text.optional() });
const SOURCE_FILE = z
  .strictObject({
    url: z.union([text, z.array(text).min(1)]).optional(),
    brokers: z.array(text).min(1),
    group: text,
    topics: z.array(text).min(1),
    tls: TLS.optional(),
    sasl: SASL.optional(),
    log: text.default("audit"),
    stateBytes: z.int().min(1).optional(),
    sessionTimeout: z
      .string()
      .transform(millisecondsOf)
      .refine((ms) => ms >= SESSION_MS_MIN, { error: "expected 6s or more, such as 30s" })
      .optional(),
    record: z.strictObject({
      actor: entity,
      action: text,
      targets: z.array(entity).optional(),
      tenant: text.optional(),
      data: text.optional(),
      diff: z.boolean().optional(),
    }),
  })
  .refine(keepsPassword, {
    error: "plain sends the password as it is: set tls, or use scram-sha-512",
    path: ["sasl"],
  });

export function registerSource(program: Command, context: CliContext): void {
  const group = program.command("source").description("programs that record what is elsewhere");
  const command = group
    .command("kafka")
    .description("record each message of Kafka topics once")
    .argument("<file>", "YAML: brokers, topics, and how a message becomes a record")
    .action((path: string, options: ClientOptions) => runSource(context, path, options));
  examples(withClient(command), ["annals source kafka orders.yaml"]);
}

async function runSource(context: CliContext, path: string, options: ClientOptions): Promise<void> {
  const { url, stateBytes, sessionTimeout, record, tls, sasl, ...rest } = await readSource(
    path,
    context.io,
  );
  const security = await readSecurity({ ...rest, tls, sasl }, context.io);
  const urls = options.url ?? (typeof url === "string" ? [url] : url);
  const client = context.client(urls === undefined ? options : { ...options, url: [...urls] });
  await runKafkaSource({
    ...rest,
    ...security,
    client,
    mapping: record,
    stateBytesMax: stateBytes,
    sessionTimeoutMs: sessionTimeout,
    signal: context.interrupt,
  });
}

async function readSource(
  path: string,
  { cwd, env }: Pick<CliIo, "cwd" | "env">,
): Promise<z.output<typeof SOURCE_FILE>> {
  const { value, source } = await readYaml(cwd, path, refuseSourceFile, env);
  const parsed = SOURCE_FILE.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) =>
    source.problem(issue.path, `${issue.path.join(".")}: ${issue.message}`),
  );
  throw refuseSourceFile(problems);
}

function refuseSourceFile(problems: readonly ScenarioProblem[]): CliError {
  return new CliError("ERR_SOURCE_FILE_INVALID", formatScenarioProblems(problems), {
    exitCode: EXIT.badConfig,
    hint: "packages/kafka/README.md lists the keys",
  });
}
