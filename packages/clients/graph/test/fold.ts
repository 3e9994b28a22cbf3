import type { StoredRecord } from "@annals/client";
import type { GraphDatabase } from "../src/graphDatabase.ts";
import { partyKey } from "../src/auditModel.ts";
import { query } from "./driving.ts";

/** What the graph must say of some records, found without it, the plain way. */
export interface Facts {
  /** Each event with who and what it names. */
  readonly events: readonly string[];
  /** Each interval of each path of each entity. */
  readonly intervals: readonly string[];
}

export function foldOf(records: readonly StoredRecord[]): Facts {
  const events = records.map(eventFact).toSorted();
  const histories = new Map<string, Step[]>();
  for (const record of records)
    for (const step of stepsOf(record)) {
      const id = `${step.entity} ${step.path}`;
      histories.set(id, [...(histories.get(id) ?? []), step]);
    }
  const intervals = [...histories.values()].flatMap(intervalsOf).toSorted();
  return { events, intervals };
}

function eventFact(record: StoredRecord): string {
  const tenant = record.tenant ?? "";
  const actor = partyKey("Actor", record.actor, tenant);
  const targets = new Set((record.targets ?? []).map((t) => partyKey("Resource", t, tenant)));
  const at = new Date(record.time ?? record.recordedAt).toISOString();
  return [record.seq, at, record.action, record.outcome ?? "", actor, [...targets].toSorted()].join(
    " ",
  );
}

interface Step {
  readonly entity: string;
  readonly path: string;
  readonly at: string;
  readonly seq: number;
  readonly value: string;
}

function stepsOf(record: StoredRecord): readonly Step[] {
  const tenant = record.tenant ?? "";
  const [first] = record.targets ?? [];
  const entity =
    first === undefined
      ? partyKey("Actor", record.actor, tenant)
      : partyKey("Resource", first, tenant);
  const at = new Date(record.time ?? record.recordedAt).toISOString();
  const paths = new Set((record.changes ?? []).map(({ path }) => path));
  return [...paths].flatMap((path) => {
    const ofPath = (record.changes ?? []).filter((change) => change.path === path);
    const before = JSON.stringify(ofPath[0]?.before ?? null);
    const value = JSON.stringify(ofPath.at(-1)?.after ?? null);
    return before === value ? [] : [{ entity, path, at, seq: record.seq, value }];
  });
}

function inTime(steps: readonly Step[]): readonly Step[] {
  return steps.toSorted((a, b) => a.at.localeCompare(b.at) || a.seq - b.seq);
}

function intervalsOf(steps: readonly Step[]): readonly string[] {
  const sorted = inTime(steps);
  return sorted.map(({ entity, path, at, seq, value }, index) =>
    [entity, path, seq, at, sorted[index + 1]?.at ?? "open", value].join(" "),
  );
}

/** The value of a path at a time, as JSON; undefined: it had none yet. */
export function valueAsOf(
  records: readonly StoredRecord[],
  entity: string,
  path: string,
  time: string,
): string | undefined {
  const steps = records.flatMap(stepsOf).filter((s) => s.entity === entity && s.path === path);
  return inTime(steps).findLast(({ at }) => at <= time)?.value;
}

/** The same facts, asked of the graph along its edges. */
export async function factsIn(database: GraphDatabase): Promise<Facts> {
  const rows = await query(
    database,
    "MATCH (e:Event)-[:BY]->(:ActorPart)-[:PART_OF]->(:ActorDay)-[:OF]->(a:Actor) " +
      "OPTIONAL MATCH (e)-[:ON]->(:ResourcePart)-[:PART_OF]->(:ResourceDay)-[:OF]->(r:Resource) " +
      "RETURN e.key AS key, e.seq AS seq, e.at AS at, e.action AS action, e.outcome AS outcome, " +
      "a.key AS actor, r.key AS target",
  );
  const targets = Map.groupBy(rows, ({ key }) => key);
  const events = [...targets.values()].map((group) => {
    const keys = group.flatMap(({ target }) => (typeof target === "string" ? [target] : []));
    const [row] = group;
    const head = [row?.["seq"], row?.["at"], row?.["action"], row?.["outcome"] ?? ""];
    return [...head, row?.["actor"], keys.toSorted()].join(" ");
  });
  const changes = await query(
    database,
    "MATCH (c:Change)-[:MADE_BY]->(e:Event) RETURN c.entity AS entity, c.path AS path, " +
      "e.seq AS seq, c.from AS begin, c.to AS end, c.new AS new",
  );
  const intervals = changes.map(({ entity, path, seq, begin, end, new: value }) =>
    [entity, path, seq, begin, end ?? "open", JSON.stringify(value)].join(" "),
  );
  return { events: events.toSorted(), intervals: intervals.toSorted() };
}
