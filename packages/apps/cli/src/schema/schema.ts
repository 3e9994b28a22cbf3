import type { LogSchemas, SchemaInfo } from "@annals/client";
import type { Command } from "commander";
import { usageError } from "../program/cliError.ts";
import { examples, withClient, withLog, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";
import { renderTable } from "../program/table.ts";
import { readTextFile } from "../program/textFile.ts";
import type { Column } from "../program/table.ts";

interface SchemaOptions extends ClientOptions, OutputOptions {
  readonly log: string;
}

const COLUMNS: readonly Column<SchemaInfo>[] = [
  { title: "ACTION", value: ({ action }) => action },
  { title: "VERSION", value: ({ version }) => String(version), align: "right" },
  {
    title: "SCHEMA",
    value: ({ schema }) => (schema === null ? "removed" : JSON.stringify(schema)),
  },
];

/** `annals log schema …`: what `data` of the records of an action must be. */
export function registerSchema(log: Command, context: CliContext): void {
  const schema = log.command("schema").description("what the data of an action's records must be");
  examples(schema, [
    "annals log schema set order.shipped order.json --log orders",
    "annals log schema list --log orders",
  ]);
  const verb = (
    words: string,
    description: string,
    run: (schemas: LogSchemas, action: string, file: string) => Promise<readonly SchemaInfo[]>,
  ): void => {
    const command = schema.command(words).description(description);
    withOutput(withClient(withLog(command))).action(async (...given: unknown[]) => {
      const texts = given.filter((one) => typeof one === "string");
      const options = given.at(texts.length) as SchemaOptions;
      const schemas = context.client(options).schemas(options.log);
      await print(context, options, await run(schemas, texts[0] ?? "", texts[1] ?? ""));
    });
  };
  const { interrupt: signal } = context;
  verb("list", "list the schemas of a log", (schemas) => schemas.list({ signal }));
  verb("show <action>", "show one", async (schemas, action) => [
    await schemas.get(action, { signal }),
  ]);
  verb(
    "set <action> <file>",
    "set it to the JSON Schema in a file",
    async (schemas, action, file) => [
      await schemas.set(action, await readSchema(context.io.cwd, file), { signal }),
    ],
  );
  verb("remove <action>", "take any data again", async (schemas, action) => [
    await schemas.remove(action, { signal }),
  ]);
}

async function readSchema(cwd: string, name: string): Promise<object> {
  const text = await readTextFile(cwd, name);
  try {
    const schema: unknown = JSON.parse(text);
    if (typeof schema === "object" && schema !== null) return schema;
  } catch {
    // Told below.
  }
  throw usageError(`${name}: expected a JSON Schema`);
}

async function print(
  context: CliContext,
  options: OutputOptions,
  schemas: readonly SchemaInfo[],
): Promise<void> {
  const format = context.format(options);
  if (format === "json") await context.printJson({ items: schemas });
  else if (format === "table") await context.print(renderTable(COLUMNS, schemas, context.look));
  else for (const one of schemas) await context.print(`${JSON.stringify(one)}\n`);
}
