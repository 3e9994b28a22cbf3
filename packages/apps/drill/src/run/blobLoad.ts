import { createHash } from "node:crypto";
import type { AnnalsClient, BlobSource } from "@annals/client";
import type { AppendLedger } from "./appendLedger.ts";
import { recordText } from "./records.ts";

const CHUNK_BYTES = 256 * 1024;

/** Bytes that differ for each name and are made anew whenever they are read: a large blob costs the runner one chunk. */
function blobOf(name: string, bytes: number): BlobSource {
  const hash = createHash("sha256");
  for (const chunk of chunksOf(name, bytes)) hash.update(chunk);
  return {
    sha256: hash.digest("hex"),
    bytes,
    read: () => {
      const chunks = chunksOf(name, bytes);
      return new ReadableStream<Uint8Array>({
        pull: (controller) => {
          const next = chunks.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        },
      });
    },
  };
}

function* chunksOf(name: string, bytes: number): Generator<Uint8Array> {
  for (let at = 0, k = 0; at < bytes; at += CHUNK_BYTES, k++) {
    const seed = createHash("sha256").update(`${name}:${k}`).digest();
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytes - at), seed);
    yield chunk;
  }
}

export interface BlobLoad {
  readonly client: AnnalsClient;
  readonly ledger: AppendLedger;
  readonly log: string;
  readonly stream: string;
  readonly count: number;
  readonly bytes: number;
  readonly inFlight: number;
  readonly signal: AbortSignal;
  readonly onBlob: (log: string, sha256: string) => void;
}

/** Bytes of the record that names a blob. */
const RECORD_BYTES = 256;

/** Uploads blobs, so many at a time, and appends a record that names each, in order. Resolves when all are acknowledged. */
export async function loadBlobs(load: BlobLoad): Promise<void> {
  const { client, ledger, log, stream, count, bytes, inFlight, signal } = load;
  const producer = { id: stream, epoch: 1 };
  ledger.begin(stream, log, RECORD_BYTES);
  for (let first = 0; first < count; first += inFlight) {
    const names = Array.from({ length: Math.min(inFlight, count - first) }, (_, k) => first + k);
    const infos = await Promise.all(
      names.map((k) => client.uploadBlob(log, blobOf(`${stream}-${k}`, bytes), { signal })),
    );
    for (const [k, { sha256 }] of infos.entries()) {
      const attachments = `"attachments":[{"sha256":"${sha256}","bytes":${bytes}}],`;
      const text = recordText(stream, first + k, RECORD_BYTES, attachments);
      const encoded = new TextEncoder().encode(text);
      const stamp = { ...producer, sequence: first + k + 1 };
      const body = { contentType: "application/json", bytes: encoded } as const;
      const reply = await client.append(log, body, { producer: stamp, signal });
      ledger.acknowledge(stream, 1, reply.firstSeq);
      load.onBlob(log, sha256);
    }
  }
}
