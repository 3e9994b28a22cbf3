/** Rows of a segment's tables: their keys, and changes of them. */
import type { Database } from "lmdb";
import { sealValue } from "./checkedValue.ts";

export type Table = Database<Uint8Array, Uint8Array>;

interface RowChange {
  readonly key: Uint8Array;
  /** Undefined removes the row. */
  readonly value: Uint8Array | undefined;
}

export function rowsOf<Id, State>(
  states: ReadonlyMap<Id, State | undefined>,
  keyOf: (id: Id) => Uint8Array,
  encode: (key: Uint8Array, state: State) => Uint8Array,
): readonly RowChange[] {
  return [...states].map(([id, state]) => {
    const key = keyOf(id);
    return { key, value: state === undefined ? undefined : encode(key, state) };
  });
}

export function changeRows(table: Table, rows: readonly RowChange[]): void {
  for (const { key, value } of rows) {
    if (value === undefined) void table.remove(key);
    else void table.put(key, value);
  }
}

export function integerKey(value: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(BigInt(value));
  return key;
}

export function integerOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length === 8 ? Number(view.getBigUint64(0)) : -1;
}

export function putInteger(table: Table, key: number, value: number): void {
  const keyBytes = integerKey(key);
  void table.put(keyBytes, sealValue(integerKey(value), keyBytes));
}
