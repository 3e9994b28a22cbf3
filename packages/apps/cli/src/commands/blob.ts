import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AnnalsClient, BlobInfo } from "@annals/client";
import type { Command } from "commander";
import { CliError, usageError } from "../cliError.ts";
import { examples, withClient, withLog, withOutput } from "../context.ts";
import type { CliContext, ClientOptions, OutputOptions } from "../context.ts";

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
    for (const file of files) {
      const info = await upload(context, client, options.log, resolve(context.io.cwd, file));
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
    const bytes = await download(context, options, sha256, resolve(context.io.cwd, file));
    await context.note(`${file}: ${bytes} bytes, as named`);
  });
}

/** Two passes over the file: one for its name, one to send it. A file that changes in between is refused by the server. */
async function upload(
  context: CliContext,
  client: AnnalsClient,
  log: string,
  path: string,
): Promise<BlobInfo> {
  const { size } = await stat(path);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash, { signal: context.interrupt });
  const sha256 = hash.digest("hex");
  const read = (): ReadableStream<Uint8Array> =>
    Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  return client.uploadBlob(log, { sha256, bytes: size, read }, { signal: context.interrupt });
}

/** The file appears under its name only when all of it is there and its hash is right. Returns its size. */
async function download(
  context: CliContext,
  options: BlobOptions,
  sha256: string,
  path: string,
): Promise<number> {
  const { interrupt } = context;
  const body = await context
    .client(options)
    .downloadBlob(options.log, sha256, { signal: interrupt });
  const partial = `${path}.part`;
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(partial),
      { signal: interrupt },
    );
    const found = hash.digest("hex");
    if (found !== sha256)
      throw new CliError("ERR_BLOB_DIGEST", `what came hashes to ${found}: nothing was kept`, {
        hint: "try again, or another node with --url",
      });
    await rename(partial, path);
    return bytes;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
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
