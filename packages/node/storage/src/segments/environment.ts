/** One LMDB environment per segment, and how it is opened. */
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import type { RootDatabase } from "lmdb";
import { errnoOf } from "../disk/diskRefusal.ts";
import type { Table } from "./segmentRows.ts";
import { logDamaged, REPLACE_ADVICE } from "../storageError.ts";

export type TableName = "entries" | "batches" | "terms" | "producers" | "groups" | "meta";

const BINARY = { encoding: "binary", keyEncoding: "binary", cache: false } as const;

/**
 * By default a large batch is begun on the write thread while it is still being queued here. A worker that dies in between, of its heap
 * limit, would leave that thread waiting with the write lock held, and whoever opens the log next would wait with it. (The typings
 * of lmdb lack this option.)
 */
const QUEUE_WHOLE_BATCHES = { batchStartThreshold: 2 ** 31 };

/** Opens the environment of one segment, which is new if `path` is an empty directory. */
export function openRoot(
  path: string,
  readOnly: boolean,
  mapBytes: number,
): RootDatabase<Uint8Array, Uint8Array> {
  assertOpens(path, readOnly);
  return open<Uint8Array, Uint8Array>({
    ...BINARY,
    ...QUEUE_WHOLE_BATCHES,
    path,
    noSubdir: false,
    readOnly,
    mapSize: mapBytes,
    maxDbs: 8,
    // With the default the meta page precedes the data, so pages lost without a reboot end the next process by SIGBUS, and a
    // failed flush leaves its value readable. Off: pages, fdatasync, meta, and only then the promise.
    overlappingSync: false,
    // One explicit batch per cycle. Without the implicit one there is also no second promise that nobody holds and that would
    // reject unhandled.
    eventTurnBatching: false,
  });
}

/** Descriptors that LMDB needs to open an environment, and one to spare. */
const DESCRIPTORS = 5;

/**
 * Throws what the system says when it does not let the files be opened: lmdb 3.5.6 uses what it has freed when it meets that itself, which
 * ends the process by SIGSEGV.
 */
function assertOpens(path: string, readOnly: boolean): void {
  const flags = readOnly ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
  const held: number[] = [];
  try {
    while (held.length < DESCRIPTORS) held.push(openSync(join(path, "data.mdb"), flags, 0o664));
  } catch (error) {
    // What is missing is told by LMDB, and as damage.
    if (errnoOf(error) !== "ENOENT") throw error;
  } finally {
    for (const descriptor of held) closeSync(descriptor);
  }
}

/** The tables of an environment; made where they are missing, unless it is opened for reading. */
export function openTables(
  root: RootDatabase<Uint8Array, Uint8Array>,
  path: string,
): Readonly<Record<TableName, Table>> {
  const table = (name: TableName): Table => {
    const opened: Table | undefined = root.openDB<Uint8Array, Uint8Array>(name, BINARY);
    if (opened === undefined)
      throw logDamaged(path, `segment has no table "${name}"`, REPLACE_ADVICE);
    return opened;
  };
  return {
    entries: table("entries"),
    batches: table("batches"),
    terms: table("terms"),
    producers: table("producers"),
    groups: table("groups"),
    meta: table("meta"),
  };
}
