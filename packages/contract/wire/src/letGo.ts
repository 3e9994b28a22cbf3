/**
 * Gives the memory of bytes back that nobody needs any more, now and not when the garbage collector comes: buffers of bodies that wait for
 * it make it come, again and again, and each time it looks at everything else. Only for the owner; a part of a buffer is left alone.
 */
export function letGo({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}
