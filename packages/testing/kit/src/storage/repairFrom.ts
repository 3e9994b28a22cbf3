import type { Entry } from "@annals/raft";
import { RunRepair, witnessesNeeded } from "@annals/replica";
import { diagnoseLog, DiskFloor, hashEntry, LogRepair } from "@annals/storage";
import type { LogRepairOptions } from "@annals/storage";

/** Diagnoses a log on LMDB and repairs it with the entries of others, each of which may lack some. Resolves with what was found. */
export async function repairFrom(
  directory: string,
  peers: readonly (readonly Entry[])[],
  options: Partial<Pick<LogRepairOptions, "floor" | "isolate" | "onStep">> = {},
): Promise<"sound" | "repaired" | "unusable" | "missing"> {
  const diagnosis = await diagnoseLog(directory, { isolate: options.isolate ?? true });
  if (diagnosis.kind !== "damaged") return diagnosis.kind;
  const repair = await LogRepair.begin({
    directory,
    diagnosis,
    segmentBytes: 1024 * 1024,
    maxProducers: 100,
    floor: new DiskFloor(directory, 1),
    ...options,
  });
  try {
    for (const { run, sink } of repair.runs) {
      const one: RunRepair<readonly Entry[] | "self"> = new RunRepair<readonly Entry[] | "self">({
        run,
        sink,
        commitIndex: repair.commitIndex,
        witnessesNeeded: () => witnessesNeeded(peers.length),
        peers: () => ["self", ...peers],
        fetch: async (peer, from, to) => {
          const entries =
            peer === "self" ? repair.entries(from, to, 5, Infinity) : prefix(peer, from, to);
          if (entries.length === 0) return "unavailable";
          return { entries, commitIndex: repair.commitIndex };
        },
        chain: hashEntry,
        wait: async () => {
          if (one.status().vainRounds > 1 || one.status().mismatches > 5) one.stop();
        },
        backoff: { nextMs: () => 1, progress: () => undefined },
        onMissing: () => {},
      });
      if ((await one.run()) !== "repaired") return "missing";
    }
    await repair.finish();
    return "repaired";
  } finally {
    await repair.close();
  }
}

function prefix(entries: readonly Entry[], from: number, to: number): readonly Entry[] {
  const page: Entry[] = [];
  for (const entry of entries.toSorted((a, b) => a.index - b.index)) {
    if (entry.index < from || entry.index > to) continue;
    if (entry.index !== from + page.length || page.length === 7) break;
    page.push(entry);
  }
  return page;
}
