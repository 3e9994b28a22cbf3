import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type OfferErrorCode = "ERR_EXPECTATION_FAILED" | "ERR_TRANSFER_ENCODING_UNSUPPORTED";

/** What a request asks of its own transfer and does not get. */
export const OFFER_ERRORS: Readonly<Record<OfferErrorCode, ErrorEntry>> = {
  ERR_EXPECTATION_FAILED: entry(
    417,
    "Expectation failed",
    "The `Expect` header asks for something else than `100-continue`. The connection is closed.",
    "Leave the header out.",
  ),
  ERR_TRANSFER_ENCODING_UNSUPPORTED: entry(
    501,
    "Unsupported transfer coding",
    "`Transfer-Encoding` has another coding than `chunked`, alone. The connection is closed, and nothing of the request was accepted.",
    "Send the body with a Content-Length or chunked; say in Content-Encoding how it is compressed.",
  ),
};
