import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type ProducerErrorCode =
  | "ERR_PRODUCER_FENCED"
  | "ERR_PRODUCER_CONFLICT"
  | "ERR_PRODUCER_GAP"
  | "ERR_PRODUCER_UNKNOWN"
  | "ERR_PRODUCER_EXPIRED"
  | "ERR_PRODUCER_FORGOTTEN"
  | "ERR_PRODUCER_EPOCH_TOO_HIGH";

/** Why the stamp of a producer's request does not fit what the log knows of the producer. */
export const PRODUCER_ERRORS: Readonly<Record<ProducerErrorCode, ErrorEntry>> = {
  ERR_PRODUCER_FENCED: entry(
    409,
    "Producer is fenced",
    "The same producer id has begun a newer epoch: this instance is an old one. Nothing was stored.",
    "Stop this instance; or, if it is the right one, begin an epoch of its own.",
  ),
  ERR_PRODUCER_CONFLICT: entry(
    409,
    "Sequence used for other records",
    "Other records were sent under this epoch and sequence: two senders share the id, or it has lost its state. Nothing was stored.",
    "Give each sender an id of its own. After a restored state, see what was stored (`GET …/producers/{id}`) and begin a new epoch.",
  ),
  ERR_PRODUCER_GAP: entry(
    409,
    "Sequence skips a request",
    "The producer's request before this one has not arrived. Nothing was stored.",
    "Send the missing request first; a pipelining client repeats this one once its predecessor is answered.",
  ),
  ERR_PRODUCER_UNKNOWN: entry(
    409,
    "Producer is unknown",
    "The request continues an epoch of which the log knows no request. Nothing was stored.",
    "Begin a new epoch with sequence 1, after finding out what was stored (`GET …/producers/{id}`).",
  ),
  ERR_PRODUCER_EXPIRED: entry(
    409,
    "Request too old to recognise",
    "The producer's request is older than the window of remembered answers. It was answered long ago; storing it again would duplicate it.",
    "Go on with the producer's next sequence.",
  ),
  ERR_PRODUCER_FORGOTTEN: entry(
    409,
    "Producer is forgotten",
    "The log has forgotten this producer, or others of its epoch. Nothing was stored now; whether an earlier attempt was, it cannot tell.",
    "Find out what was stored; then begin with sequence 1 in `details.nextEpoch`. A new producer asks first (`GET …/producers/{id}`).",
  ),
  ERR_PRODUCER_EPOCH_TOO_HIGH: entry(
    409,
    "Epoch is too high",
    "The epoch is more than 2^42 above the highest one that the log has forgotten. Nothing was stored.",
    "Begin in the `nextEpoch` of `GET …/producers/{id}`. Times in ms are low enough.",
  ),
};
