/**
 * A copy in a buffer of exactly its size: what crosses threads as a view would drag its whole underlying buffer along. Not `slice`, which
 * makes a view of what is really a Buffer.
 */
export function exactly(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
