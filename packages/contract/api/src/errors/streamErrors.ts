import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type StreamErrorCode = "ERR_STREAM_UPGRADE" | "ERR_STREAM_MALFORMED" | "ERR_STREAM_CREDIT";

/** What is refused on the client stream only. */
export const STREAM_ERRORS: Readonly<Record<StreamErrorCode, ErrorEntry>> = {
  ERR_STREAM_UPGRADE: entry(
    426,
    "Upgrade required",
    "The client stream was asked for without a WebSocket upgrade, or with none of its subprotocols.",
    "Connect a WebSocket with the subprotocol annals.v1.json or annals.v1.msgpack.",
  ),
  ERR_STREAM_MALFORMED: entry(
    400,
    "Malformed message",
    "A message on the client stream is none of the protocol's. The stream is closed; appends taken before may be committed.",
    "See the messages in docs/protocol.md; `details` says what was expected.",
  ),
  ERR_STREAM_CREDIT: entry(
    429,
    "Beyond the credit",
    "The client sent more appends, or bytes of them, than the stream's credit allows. This one was not accepted; the stream is closed.",
    "Count what is unanswered against the credit of the `open` message.",
  ),
};
