import { setFlagsFromString } from "node:v8";

/**
 * By how much a heap, together with the buffers that its objects hold, may grow between two collections of all of it: in per cent of what
 * lives. V8's own measure suits programs that keep what they allocate. Here little lives and much passes through, 128 KiB a batch and
 * several times: a thread with 15 MB of objects had all of them marked ten times a second, which took half of the CPU of an append.
 */
const GROWTH_PERCENT = 150;

/** For all threads of this process. The limits of their heaps stay what they are. */
export function letHeapsGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
