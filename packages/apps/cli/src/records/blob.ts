import { basename, resolve } from "node:path";
import type { BlobInfo } from "@annals/client";
import { fileBlob, saveBlob } from "@annals/client/node";
import type { Command } from "commander";
import { usageError } from "../program/cliError.ts";
import { examples, withClient, withLog, withOutput } from "../program/context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../program/context.ts";

interface BlobOptions extends ClientOptions, OutputOptions {
  readonly log: string;
}

export function registerBlob(program: Command, context: CliContext): void {
  const blob = program.command("blob").description("upload and download attachments of records");
  examples(blob, [
    "annals blob put report.pdf",
    "annals blob put *.png --log orders -o ndjson",
    "annals blob get SHA256 report.pdf",
  ]);

  withOutput(
    withClient(
      withLog(
        blob
          .command("put")
          .description("upload files; prints the SHA-256 by which records name them")
          .argument("<files...>"),
      ),
    ),
  ).action(async (files: readonly string[], options: BlobOptions) => {
    const client = context.client(options);
    const signal = context.interrupt;
    for (const file of files) {
      const blob = await fileBlob(resolve(context.io.cwd, file), { signal });
      const info = await client.uploadBlob(options.log, blob, { signal });
      await print(context, options, file, info);
    }
  });

  withClient(
    withLog(
      blob
        .command("get")
        .description("download an attachment to a file and check its bytes")
        .argument("<sha256>")
        .argument("<file>"),
    ),
  ).action(async (sha256: string, file: string, options: BlobOptions) => {
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw usageError(`${sha256}: expected a SHA-256 in 64 lower-case hexadecimal digits`);
    const client = context.client(options);
    const path = resolve(context.io.cwd, file);
    const { bytes } = await saveBlob(client, options.log, sha256, path, {
      signal: context.interrupt,
    });
    await context.note(`${file}: ${bytes} bytes, as named`);
  });
}

async function print(
  context: CliContext,
  options: OutputOptions,
  file: string,
  info: BlobInfo,
): Promise<void> {
  const format = context.format(options);
  if (format === "table") return context.print(`${info.sha256}  ${basename(file)}\n`);
  const shown = { file, ...info };
  return format === "json" ? context.printJson(shown) : context.print(`${JSON.stringify(shown)}\n`);
}
