let last = 0;

/**
 * Bytes of this process that are in memory. To read them takes a file descriptor: without one it is what was read last, and whoever
 * measures does not end the node.
 */
export function residentSetBytes(): number {
  try {
    last = process.memoryUsage.rss();
  } catch {
    // EMFILE or ENFILE.
  }
  return last;
}
