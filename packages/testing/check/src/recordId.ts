/** What tells every record of a simulation from every other: the request it was submitted with, and its place in there. */
export interface RecordId {
  readonly request: number;
  readonly position: number;
}

/** Bytes of the id at the start of a record. */
const RECORD_ID_BYTES = 8;

export function makeRecord(id: RecordId, bytes: number): Uint8Array {
  const record = new Uint8Array(Math.max(RECORD_ID_BYTES, bytes));
  const view = new DataView(record.buffer);
  view.setUint32(0, id.request);
  view.setUint32(4, id.position);
  return record;
}

export function readRecordId(record: Uint8Array): RecordId {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  return { request: view.getUint32(0), position: view.getUint32(4) };
}
