import { AnnalsError } from "@annals/record";

/**
 * Why a blob was not saved; nothing of it is kept. `ERR_BLOB_NAME`: the name is no SHA-256; `ERR_BLOB_DIGEST`: the bytes hash to another
 * name; `ERR_BLOB_SIZE`: more or fewer bytes than announced; `ERR_BLOB_NOT_SAVED`: the disk failed or the upload ended early, another try
 * may succeed.
 */
export type BlobErrorCode =
  | "ERR_BLOB_NAME"
  | "ERR_BLOB_DIGEST"
  | "ERR_BLOB_SIZE"
  | "ERR_BLOB_NOT_SAVED";

export class BlobError extends AnnalsError {
  override readonly name: string = "BlobError";

  constructor(code: BlobErrorCode, message: string, cause?: unknown) {
    super(code, message, { retryable: code === "ERR_BLOB_NOT_SAVED", cause });
  }
}

export function isDigest(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** Only such names ever become part of a path. Throws ERR_BLOB_NAME. */
export function assertDigest(digest: string): void {
  if (!isDigest(digest))
    throw new BlobError(
      "ERR_BLOB_NAME",
      "a blob is named by its SHA-256 in 64 lower-case hexadecimal digits",
    );
}
