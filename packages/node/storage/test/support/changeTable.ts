import { open } from "lmdb";

/** A table by its keys in hexadecimal. */
export type Rows = Map<string, Buffer>;

/** Changes one table of a segment through LMDB, where no checksum of LMDB's stands in the way. */
export async function changeTable(
  path: string,
  table: string,
  change: (rows: Rows) => void,
): Promise<void> {
  const root = open<Buffer, Buffer>({
    path,
    noSubdir: false,
    encoding: "binary",
    keyEncoding: "binary",
    maxDbs: 8,
  });
  const db = root.openDB<Buffer, Buffer>(table, { encoding: "binary", keyEncoding: "binary" });
  const rows: Rows = new Map();
  for (const { key, value } of db.getRange({})) rows.set(Buffer.from(key).toString("hex"), value);
  const before = new Map(rows);
  change(rows);
  for (const key of before.keys()) if (!rows.has(key)) await db.remove(Buffer.from(key, "hex"));
  for (const [key, value] of rows)
    if (before.get(key) !== value) await db.put(Buffer.from(key, "hex"), value);
  await root.close();
}

export function key(integer: number): string {
  return integer.toString(16).padStart(16, "0");
}

export function flipIn(rows: Rows, row: string, byte: number): void {
  const value = Buffer.from(rows.get(row) ?? Buffer.alloc(1));
  value[byte % value.length] = (value[byte % value.length] ?? 0) ^ 0x10;
  rows.set(row, value);
}

export function exchange(rows: Rows, a: string, b: string): void {
  const [left, right] = [rows.get(a), rows.get(b)];
  if (left === undefined || right === undefined) throw new Error("no such rows");
  rows.set(a, right);
  rows.set(b, left);
}
