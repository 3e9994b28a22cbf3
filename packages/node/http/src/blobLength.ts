import type { FastifyRequest } from "fastify";
import { httpError } from "./problem.ts";

/** Room on disk is taken before the first byte comes, so the size must be known. */
export function announcedBytes(request: FastifyRequest, maxBlobBytes: number): number {
  const bytes = Number(request.headers["content-length"] ?? Number.NaN);
  if (!Number.isSafeInteger(bytes))
    throw httpError("ERR_BLOB_LENGTH", "an upload must say its Content-Length");
  if (bytes <= maxBlobBytes) return bytes;
  throw httpError(
    "ERR_BLOB_TOO_LARGE",
    `the blob has ${bytes} bytes, the limit is ${maxBlobBytes}`,
    { details: { bytes, maxBlobBytes } },
  );
}
