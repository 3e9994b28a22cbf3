/** Which records of a request name which blobs: position in the request → SHA-256 in hexadecimal, as often as they are named. */
export type Attachments = ReadonlyMap<number, readonly string[]>;

export const NO_ATTACHMENTS: Attachments = new Map();

/** The records of a request as msgpack, each of which has passed the scanner. */
export interface ParsedRecords {
  readonly records: readonly Uint8Array[];
  readonly attachments: Attachments;
}
