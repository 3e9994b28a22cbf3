import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { unlessMissing } from "../disk/isThere.ts";
import { fsck } from "./fsck.ts";
import type { FsckProblem, FsckReport } from "./fsck.ts";
import { isAside, isUnplaced } from "../repair/resolution.ts";
import { REPLACE_ADVICE } from "../storageError.ts";

/** A log of which a data directory says that it is there. */
interface ExpectedLog {
  readonly id: number;
  readonly name: string | undefined;
  /** Whether this disk has held it. Otherwise the node has only heard of it. */
  readonly born: boolean;
}

/** Every node has it from its birth on. */
const SYSTEM_LOG_ID = 0;
/** The one log of a program that uses `openLog`. */
const EMBEDDED_LOG_ID = 1;

/**
 * Checks every log of a node: those below `<data>/logs`, and those that must be there. A log must be there when a mark in `<data>/born`
 * says that this disk has held it, `_system` when the node belongs to a cluster, and the log of a program's directory once it was opened.
 */
export async function fsckNode(dataDirectory: string): Promise<readonly FsckReport[]> {
  const logs = join(dataDirectory, "logs");
  const present = (await readdir(logs, { withFileTypes: true }).catch(unlessMissing))
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .filter((name) => !isAside(name) && !isUnplaced(name))
    .toSorted((a, b) => Number(a) - Number(b));
  const expected = await expectedLogs(dataDirectory);
  const reports: FsckReport[] = [];
  for (const directory of present) {
    const name = expected.find(({ id }) => String(id) === directory)?.name;
    reports.push({ ...(await fsck(join(logs, directory))), ...named(name) });
  }
  const missing = expected
    .filter(({ id }) => !present.includes(String(id)))
    .map((log) => missingReport(join(logs, String(log.id)), log));
  return [...reports, ...missing].toSorted((a, b) => (a.logId ?? 0) - (b.logId ?? 0));
}

async function expectedLogs(data: string): Promise<readonly ExpectedLog[]> {
  const [marks, catalog, node, embedded] = await Promise.all([
    readdir(join(data, "born")).catch(unlessMissing),
    readJson(join(data, "catalog.json")),
    readJson(join(data, "node.json")),
    readJson(join(data, "embedded.json")),
  ]);
  const born = new Set(marks.map(Number).filter((id) => Number.isSafeInteger(id)));
  const names = new Map<number, string | undefined>([...born].map((id) => [id, undefined]));
  // Copies, as far as they can be read: names only make a report easier to read.
  for (const { id, name } of catalogued(catalog)) names.set(id, name);
  if (field(node, "certificate") !== undefined) {
    born.add(SYSTEM_LOG_ID);
    names.set(SYSTEM_LOG_ID, "_system");
  }
  if (field(embedded, "born") === true) {
    born.add(EMBEDDED_LOG_ID);
    names.set(EMBEDDED_LOG_ID, text(field(embedded, "name")));
  }
  return [...names].map(([id, name]) => ({ id, name, born: born.has(id) }));
}

function catalogued(catalog: unknown): readonly { readonly id: number; readonly name: string }[] {
  const logs = field(catalog, "logs");
  return (Array.isArray(logs) ? logs : []).flatMap((log: unknown) => {
    const [id, name] = [field(log, "id"), text(field(log, "name"))];
    return typeof id === "number" && name !== undefined ? [{ id, name }] : [];
  });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Undefined for what cannot be read: the node itself tells of that when it starts. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function named(name: string | undefined): { readonly name?: string } {
  return name === undefined ? {} : { name };
}

function missingReport(directory: string, { id, name, born }: ExpectedLog): FsckReport {
  const what = `log ${id}${name === undefined ? "" : ` (${name})`}`;
  const problem: FsckProblem = born
    ? {
        kind: "damage",
        where: directory,
        index: undefined,
        what: `${what} is missing: this disk has held it, and its directory is gone`,
        advice: `put it back if it was only moved and the node has not run since; otherwise ${REPLACE_ADVICE}`,
      }
    : {
        kind: "doubt",
        where: directory,
        index: undefined,
        what: `${what} is not here: the node has heard of it, and no mark says that this disk has held it`,
        advice:
          "nothing if the log was created just before the node stopped: it opens it at its next start",
      };
  return {
    directory,
    logId: id,
    ...named(name),
    missing: true,
    segments: [],
    firstIndex: undefined,
    lastIndex: undefined,
    lastSeq: undefined,
    commitIndex: undefined,
    headHash: undefined,
    problems: [problem],
  };
}
