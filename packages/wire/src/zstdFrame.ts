/** The head of a zstd frame (RFC 8878 §3.1.1.1); untrusted. */
export interface ZstdFrame {
  /** What it decodes to, as it says; undefined if it does not. */
  readonly contentBytes: number | undefined;
  /** What a decoder has to remember, which it holds beside its output. */
  readonly windowBytes: number;
  /** Of the head itself; the blocks follow. */
  readonly headBytes: number;
  /** Whether four bytes follow the blocks. */
  readonly checksum: boolean;
}

/** No head is longer. */
export const ZSTD_HEAD_BYTES_MAX = 18;
const MAGIC = 0xfd2f_b528;
const WINDOW_LOG_MIN = 10;
const BLOCK_HEAD_BYTES = 3;
const CHECKSUM_BYTES = 4;
const CONTENT_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
/** A content size of two bytes begins to count here. */
const TWO_BYTES_FROM = 256;

/** Undefined for what is no frame, or has fewer bytes than ZSTD_HEAD_BYTES_MAX. */
export function zstdFrame(bytes: Uint8Array): ZstdFrame | undefined {
  if (bytes.byteLength < ZSTD_HEAD_BYTES_MAX) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const single = (descriptor & 0x20) !== 0;
  const dictionary = DICTIONARY_BYTES[descriptor & 3] ?? 0;
  const contentAt = 5 + (single ? 0 : 1) + dictionary;
  const sizeBytes = CONTENT_BYTES[descriptor >> 6] ?? 0;
  const contentBytes =
    sizeBytes === 0 && !single ? undefined : contentSize(view, contentAt, sizeBytes);
  const headBytes = contentAt + (single ? Math.max(1, sizeBytes) : sizeBytes);
  const checksum = (descriptor & 4) !== 0;
  const windowBytes = single ? (contentBytes ?? 0) : windowSize(view.getUint8(5));
  return { contentBytes, windowBytes, headBytes, checksum };
}

/** Whether the frame ends where its bytes do, by the heads of its blocks. */
export function isWholeFrame(bytes: Uint8Array, { headBytes, checksum }: ZstdFrame): boolean {
  const end = bytes.byteLength - (checksum ? CHECKSUM_BYTES : 0);
  for (let at = headBytes; at + BLOCK_HEAD_BYTES <= end; ) {
    const head = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    const isRepeat = ((head >> 1) & 3) === 1;
    at += BLOCK_HEAD_BYTES + (isRepeat ? 1 : head >> 3);
    if ((head & 1) === 1) return at === end;
  }
  return false;
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
