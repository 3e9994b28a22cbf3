/**
 * Preloaded into a process that is started with --expose-gc and a channel: answers every message with the MiB that are left after a
 * collection of everything, in the heap and in buffers outside of it.
 */
const MEBIBYTE = 2 ** 20;

process.on("message", () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.((heapUsed + external) / MEBIBYTE);
});
// Nobody waits for a question.
process.channel?.unref();
