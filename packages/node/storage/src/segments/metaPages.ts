import { open } from "node:fs/promises";

/**
 * The two meta pages at the start of an LMDB file. Transaction n writes page n mod 2 and no other, so the file begins with those of the
 * last two transactions. LMDB takes the newer one by its number alone: a bit that flips in there could take the last transaction back
 * unseen, acknowledged entries with it. Layout (`MDB_meta` in mdb.c, 64 bits, little-endian): a page header of 24 bytes, then magic and
 * version; further down, after the page size, the number of the transaction.
 */
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
const PAGE_SIZE_AT = 48;
const TRANSACTION_AT = 152;
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;

/** What is wrong with the meta pages of a data file; undefined when they fit together. Rejects when the file cannot be read. */
export async function metaPagesProblem(path: string): Promise<string | undefined> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(2 * PAGE_BYTES_MAX);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return problemOf(head.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function problemOf(head: Buffer): string | undefined {
  if (head.length < PAGE_BYTES_MIN) return "the file is shorter than its first page";
  const pageBytes = head.readUInt32LE(PAGE_SIZE_AT);
  const sane = pageBytes >= PAGE_BYTES_MIN && pageBytes <= PAGE_BYTES_MAX;
  if (!sane || head.length < 2 * pageBytes) return "its page size is none, or the file is cut";
  const pages = [head.subarray(0, pageBytes), head.subarray(pageBytes, 2 * pageBytes)];
  if (pages.some((page) => page.readUInt32LE(MAGIC_AT) !== MAGIC))
    return "a meta page is not one of LMDB's";
  const [even = 0n, odd = 0n] = pages.map((page) => page.readBigUInt64LE(TRANSACTION_AT));
  const apart = even > odd ? even - odd : odd - even;
  if (even % 2n !== 0n || odd % 2n !== 1n || apart !== 1n)
    return `its meta pages are of transactions ${even} and ${odd}, which do not follow each other`;
  return undefined;
}
