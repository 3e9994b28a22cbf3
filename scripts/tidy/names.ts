import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packages, ROOT, sources } from "./packages.ts";

/** Type names that two packages export, each for a thing of its own. The list may only become shorter. */
const HOMONYMS: readonly string[] = [
  "AppendOptions",
  "AppendReply",
  "AppendRequest",
  "AuditRecord",
  "BlobErrorCode",
  "Caller",
  "CatchUpOptions",
  "ClusterStatus",
  "ConsumeOptions",
  "CopyInfo",
  "DeadLetter",
  "DecisionInfo",
  "Difference",
  "DivergenceInfo",
  "Environment",
  "FaultKind",
  "FrameReader",
  "GroupInfo",
  "GroupStart",
  "HeldLane",
  "HistoryClaim",
  "Identity",
  "InFlight",
  "LaneCondition",
  "LaneGrant",
  "LaneInfo",
  "LanePosition",
  "LoadOptions",
  "LogEnd",
  "LogInfo",
  "MakeSink",
  "NodeClock",
  "NodeMemory",
  "NodeOptions",
  "Outcome",
  "Pace",
  "Page",
  "PageFrame",
  "Passing",
  "ProducerInfo",
  "Progress",
  "ProgressState",
  "RecordMapping",
  "Recovery",
  "ReplicaStatus",
  "RequestStamp",
  "Roster",
  "SchemaInfo",
  "Snapshot",
  "SourceFile",
  "Start",
  "StoredRecord",
  "Stretch",
  "Suspect",
  "Table",
  "Tally",
  "Transport",
  "Verdict",
  "WorkerDeath",
];

/** Exported type names that stand for different things in different packages: a reader takes one for the other. */
export function checkNames(): readonly string[] {
  const homes = new Map<string, Set<string>>();
  for (const { name, directory } of packages()) {
    for (const file of sources(join(directory, "src"))) {
      const text = readFileSync(join(ROOT, file), "utf8");
      for (const [, type = ""] of text.matchAll(
        /^export (?:abstract )?(?:interface|type|class) (\w+)/gm,
      ))
        homes.set(type, (homes.get(type) ?? new Set<string>()).add(name));
    }
  }
  const twice = [...homes].filter(([, packagesOf]) => packagesOf.size > 1);
  return [
    ...twice
      .filter(([type]) => !HOMONYMS.includes(type))
      .map(([type, names]) => `type ${type} is exported by ${[...names].join(" and ")}`),
    ...HOMONYMS.filter((type) => (homes.get(type)?.size ?? 0) < 2).map(
      (type) => `type ${type} has one home now: take it off the list in scripts/tidy/names.ts`,
    ),
  ];
}
