import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AnnalsClient } from "@annals/client";
import { readLines } from "../records/lines.ts";

/** Realistic audit records that come with the command. */
export const SAMPLE_FILE: string = fileURLToPath(
  new URL("../../sample/demo.ndjson", import.meta.url),
);

const PRODUCER = "annals-sample";
const BATCH = 100;

/** Appends the sample once: a log that has it already gets nothing. Gives the number of records that were new. */
export async function appendSample(
  client: AnnalsClient,
  log: string,
  signal: AbortSignal,
): Promise<number> {
  const known = await client.producer(log, PRODUCER, { signal });
  const epoch = known?.epoch ?? (await client.nextEpoch(log, PRODUCER, { signal }));
  let sequence = 0;
  let count = 0;
  let lines: Uint8Array[] = [];
  const send = async (): Promise<void> => {
    sequence++;
    const bytes = new Uint8Array(Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")])));
    lines = [];
    if (sequence <= (known?.sequence ?? 0)) return;
    const producer = { id: PRODUCER, epoch, sequence };
    const reply = await client.append(
      log,
      { contentType: "application/x-ndjson", bytes },
      { producer, signal },
    );
    if (!reply.duplicate) count += reply.count;
  };
  for await (const line of readLines(createReadStream(SAMPLE_FILE))) {
    if (line.length > 0) lines.push(line);
    if (lines.length >= BATCH) await send();
  }
  if (lines.length > 0) await send();
  return count;
}
