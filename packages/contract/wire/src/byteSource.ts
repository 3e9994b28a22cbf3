export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
export type Chunks = AsyncIterator<Uint8Array> | Iterator<Uint8Array>;

/** A body of which the beginning is here. */
export interface Begun {
  /** In a buffer of its own. */
  readonly head: Uint8Array;
  /** What follows, to be closed by whoever has it; undefined if that was all. */
  readonly rest: Chunks | undefined;
}

const HEAD_BYTES_MIN = 512;

/**
 * Takes chunks until there are more than `bytes` or no more; the last one as a whole. They are copied: whoever made them takes them back.
 * `onGrow` is told what is held before it is; if it throws, so does this, and the source is let go.
 */
export async function begin(
  source: ByteSource,
  bytes: number,
  onGrow: ((bytes: number) => void) | undefined,
): Promise<Begun> {
  const chunks = chunksOf(source);
  let buffer = new Uint8Array(0);
  let held = 0;
  try {
    while (held <= bytes) {
      const { done, value } = await chunks.next();
      if (done === true) return { head: buffer.subarray(0, held), rest: undefined };
      const more = held + value.byteLength;
      if (more > buffer.byteLength) {
        const larger = Math.max(more, Math.min(2 * more, bytes), HEAD_BYTES_MIN);
        onGrow?.(larger);
        const copy = new Uint8Array(larger);
        copy.set(buffer.subarray(0, held));
        buffer = copy;
      }
      buffer.set(value, held);
      held = more;
    }
  } catch (error) {
    await chunks.return?.();
    throw error;
  }
  return { head: buffer.subarray(0, held), rest: chunks };
}

/** What was taken already, which is let go of as it is taken again, and the rest, which is its owner's to close. */
export async function* resumed(
  taken: Uint8Array[],
  rest: Chunks | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (let one = taken.shift(); one !== undefined; one = taken.shift()) yield one;
  for (;;) {
    const next = await rest?.next();
    if (next === undefined || next.done === true) return;
    yield next.value;
  }
}

function chunksOf(source: ByteSource): Chunks {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}
