/** The head of a zstd frame (RFC 8878 §3.1.1.1); untrusted. */
export interface ZstdFrame {
  /** What it decodes to, as it says; undefined if it does not. */
  readonly contentBytes: number | undefined;
  /** What a decoder has to remember, which it holds beside its output. */
  readonly windowBytes: number;
  /** Number of the dictionary that it needs; 0 for none, or for one that it does not name. */
  readonly dictionary: number;
  /** Of the head itself; the blocks follow. */
  readonly headBytes: number;
  /** Whether four bytes follow the blocks. */
  readonly checksum: boolean;
}

const MAGIC_BYTES = 4;
const MAGIC = 0xfd2f_b528;
/** The first of sixteen that begin a frame which holds no data (§3.1.2). */
const SKIPPABLE_MAGIC = 0x184d_2a50;
const WINDOW_LOG_MIN = 10;
const BLOCK_HEAD_BYTES = 3;
const CHECKSUM_BYTES = 4;
const CONTENT_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
/** A content size of two bytes begins to count here. */
const TWO_BYTES_FROM = 256;

/** Undefined for what does not begin with a whole head. */
export function zstdFrame(bytes: Uint8Array): ZstdFrame | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength <= MAGIC_BYTES || view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(MAGIC_BYTES);
  const single = (descriptor & 0x20) !== 0;
  const dictionaryAt = MAGIC_BYTES + 1 + (single ? 0 : 1);
  const dictionaryBytes = DICTIONARY_BYTES[descriptor & 3] ?? 0;
  const contentAt = dictionaryAt + dictionaryBytes;
  const sizeBytes = CONTENT_BYTES[descriptor >> 6] ?? 0;
  const headBytes = contentAt + (single ? Math.max(1, sizeBytes) : sizeBytes);
  if (view.byteLength < headBytes) return undefined;
  const contentBytes =
    sizeBytes === 0 && !single ? undefined : contentSize(view, contentAt, sizeBytes);
  const windowBytes = single ? (contentBytes ?? 0) : windowSize(view.getUint8(MAGIC_BYTES + 1));
  const dictionary = littleEndian(bytes, dictionaryAt, dictionaryBytes);
  return { contentBytes, windowBytes, dictionary, headBytes, checksum: (descriptor & 4) !== 0 };
}

/** Whether it begins with a frame that decoders skip. */
export function isSkippable(bytes: Uint8Array): boolean {
  return (littleEndian(bytes, 0, MAGIC_BYTES) & ~15) === SKIPPABLE_MAGIC;
}

/** Whether the frame ends where its bytes do, by the heads of its blocks. */
export function isWholeFrame(bytes: Uint8Array, { headBytes, checksum }: ZstdFrame): boolean {
  const end = bytes.byteLength - (checksum ? CHECKSUM_BYTES : 0);
  for (let at = headBytes; at + BLOCK_HEAD_BYTES <= end; ) {
    const head = littleEndian(bytes, at, BLOCK_HEAD_BYTES);
    const isRepeat = ((head >> 1) & 3) === 1;
    at += BLOCK_HEAD_BYTES + (isRepeat ? 1 : head >> 3);
    if ((head & 1) === 1) return at === end;
  }
  return false;
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let k = count - 1; k >= 0; k--) value = value * 256 + (bytes[at + k] ?? 0);
  return value;
}

function windowSize(window: number): number {
  const base = 2 ** (WINDOW_LOG_MIN + (window >> 3));
  return base + (base / 8) * (window & 7);
}

function contentSize(view: DataView, at: number, sizeBytes: number): number {
  switch (sizeBytes) {
    case 2:
      return view.getUint16(at, true) + TWO_BYTES_FROM;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return view.getUint8(at);
  }
}
