import { BadInputError } from "@annals/record";
import type { BadInputCode } from "@annals/record";
import type { BodyBufferLimits } from "./bodyBuffer.ts";

export type ContentEncoding = "gzip" | "deflate" | "zstd";

/** `maxBytes` bounds what comes out. `onGrow` is told of all that is held: of the decoder, too, and of what it has to remember. */
export interface DecodeLimits extends BodyBufferLimits {
  /** Bytes out per byte in, once more than a mebibyte has come out: a bomb is told by it long before the cap on bytes. */
  readonly maxRatio: number;
}

/** `offset`: the byte of the compressed body at which it was certain. */
export function refusal(code: BadInputCode, what: string, offset: number): BadInputError {
  return new BadInputError(code, what, { position: undefined, path: "", offset });
}

/** At `taken` bytes of a body. */
export function decodedTooLarge(maxBytes: number, taken: number): BadInputError {
  return refusal("ERR_BODY_DECODED_TOO_LARGE", `decodes to more than ${maxBytes} bytes`, taken);
}
