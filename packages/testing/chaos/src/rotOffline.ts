/** Many small trials on one log: damage, open, compare every entry; then repair from whoever has it, and compare again. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { batchEntry, cycleOf, hardState, repairFrom, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import type { Entry } from "@annals/raft";
import { openLogStore } from "@annals/storage";
import { damageLog } from "./rotDamage.ts";
import type { RotKind } from "./rotDamage.ts";
import type { RotOutcome } from "./rotReport.ts";

const SEGMENT_BYTES = 256 * 1024;
const ENTRIES = 160;

export interface OfflineRot {
  trial(kind: RotKind, below: (n: number) => number): Promise<RotOutcome>;
  close(): Promise<void>;
}

/** Writes the log that every trial gets a copy of. */
export async function prepareOffline(below: (n: number) => number): Promise<OfflineRot> {
  const root = await mkdtemp(join(tmpdir(), "annals-rot-"));
  const sound = join(root, "sound");
  const entries: Entry[] = [];
  const store = await openLogStore({
    directory: sound,
    logId: 1,
    segmentBytes: SEGMENT_BYTES,
    initial: { membership: SAMPLE_MEMBERSHIP },
    scanFirst: false,
  });
  for (let index = 1; index <= ENTRIES; index++) {
    const record = new Uint8Array(200 + below(8000)).map(() => below(256));
    const entry = batchEntry(index, 1 + Math.floor(index / 50), index, [record], {
      id: `p${index % 5}`,
      epoch: 1,
      sequence: 1 + Math.floor(index / 5),
      fingerprint: index,
    });
    entries.push(entry);
    const producers = new Map([
      [`p${index % 5}`, { epoch: 1, recent: [], lastIndex: asIndex(index) }],
    ]);
    const applied = {
      appliedIndex: asIndex(index - 1),
      membership: undefined,
      producers,
      groups: new Map(),
    };
    await store.write(
      cycleOf({ entries: [entry], hardState: hardState(entry.term, 1, index - 1), applied }),
    );
  }
  await store.close();
  const expected = await readInChild(sound);
  let trials = 0;
  return {
    async trial(kind, below) {
      const directory = join(root, `trial-${trials++}`, "log");
      await cp(sound, directory, { recursive: true });
      const what = await damageLog(directory, kind, below);
      const outcome = await judge(directory, expected, entries);
      await rm(join(directory, ".."), { recursive: true, force: true });
      return { ...outcome, what };
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
}

async function judge(
  directory: string,
  expected: string,
  entries: readonly Entry[],
): Promise<Omit<RotOutcome, "what">> {
  const first = await readInChild(directory);
  if (first === expected) return { result: "harmless", failure: undefined };
  if (!first.startsWith("refused ")) return { result: "failed", failure: `first: ${first}` };
  const repaired = await repairFrom(directory, [entries]);
  if (repaired === "unusable") return { result: "rejoined", failure: undefined };
  const second = await readInChild(directory);
  // Sealed producers that cannot be read are not those of this contrived log: its entries and its head are what counts.
  if (repaired === "repaired" && sameLog(second, expected))
    return { result: "repaired", failure: undefined };
  return { result: "failed", failure: `${repaired}, then: ${second}, after ${first}` };
}

function sameLog(found: string, expected: string): boolean {
  const head = (text: string): string => text.split(",").slice(0, 3).join();
  return found.startsWith("read ") && head(found) === head(expected);
}

/** `read …` or `refused CODE`; a signal or a crash is neither, and a failure. */
function readInChild(directory: string): Promise<string> {
  const compiled = import.meta.filename.endsWith(".js");
  const script = new URL(compiled ? "./rotReader.js" : "./rotReader.ts", import.meta.url);
  const flags = compiled ? [] : ["--conditions=annals-source"];
  const args = [...flags, fileURLToPath(script), directory, String(SEGMENT_BYTES)];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout) => {
      if (stdout.trim() === "") {
        resolve(`ended with ${error?.signal ?? error?.message ?? "nothing"}`);
        return;
      }
      const line = JSON.parse(stdout) as { read?: unknown; refused?: string };
      const damage = /^ERR_(?:LOG|ENTRY)_DAMAGED$/.test(line.refused ?? "");
      if (line.refused === undefined) resolve(`read ${JSON.stringify(line.read)}`);
      else resolve(damage ? `refused ${line.refused}` : `ended with ${line.refused}`);
    });
  });
}
