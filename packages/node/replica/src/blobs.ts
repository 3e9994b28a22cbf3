import type { Entry, Message } from "@annals/raft";
import { batchBlobs } from "@annals/record";
import { blobsMissing } from "./errors.ts";
import type { AppendRequest } from "./options.ts";
import type { BlobHolder } from "./ports.ts";

/** The leader takes only records whose blobs it has. Throws ERR_BLOB_MISSING. */
export function assertBlobsHere({ attachments }: AppendRequest, blobs: BlobHolder): void {
  if (attachments === undefined || attachments.size === 0) return;
  const missing = blobs.missing([...new Set([...attachments.values()].flat())]);
  if (missing.length > 0) throw blobsMissing(missing);
}

/**
 * A message without the first entry that names a blob which is not durable here, and without all entries behind it: as if they had not
 * arrived. So whoever has an entry in its log, or acknowledges it, has its blobs, and an entry whose blobs nobody else could get falls
 * with its leader instead of blocking the log. The leader repeats what is missing, as it does after any loss.
 *
 * Undefined when nothing is left: an answer to an empty rest would tell the leader that the follower is well, and both would go on asking
 * and answering as fast as the network is.
 */
export function withholdEntries(message: Message, blobs: BlobHolder): Message | undefined {
  if (message.kind !== "appendEntries") return message;
  const { entries } = message;
  const at = entries.findIndex((entry) => blobs.missing(blobsOf(entry)).length > 0);
  if (at < 0) return message;
  const withheld = entries.slice(at).flatMap(blobsOf);
  blobs.want(blobs.missing(withheld), message.from);
  return at === 0 ? undefined : { ...message, entries: entries.slice(0, at) };
}

const NONE: readonly string[] = [];

function blobsOf(entry: Entry): readonly string[] {
  return entry.kind === "records" ? batchBlobs(entry.data) : NONE;
}
