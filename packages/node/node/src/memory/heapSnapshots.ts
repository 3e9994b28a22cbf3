import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { NodeConfig } from "@annals/config";

/** Each is about as large as the heap; a log that keeps ending its worker must not fill the disk with them. */
const FILES_MAX = 3;

export function heapSnapshotDirectory(data: string): string {
  return join(data, "heap-snapshots");
}

/** The flags with which a thread writes its heap to a file before it ends by its limit; none unless that is wanted and there is room. */
export function snapshotFlags({ data, workers }: NodeConfig): readonly string[] {
  if (!workers.heapSnapshot) return [];
  const directory = heapSnapshotDirectory(data);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (readdirSync(directory).length >= FILES_MAX) return [];
  } catch {
    // A disk that takes no directory takes no snapshot: the worker is what matters.
    return [];
  }
  return ["--heapsnapshot-near-heap-limit=1", `--diagnostic-dir=${directory}`];
}
