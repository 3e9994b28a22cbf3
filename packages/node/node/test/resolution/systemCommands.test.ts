/**
 * Goal: what `_system` says of decisions is known on this node, on its disk too, and the same after the commands have come again. Method:
 * commands applied to a catalog over a file, which a second life begins with.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@annals/config";
import { asMemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { Catalog, encodeCommand, Roster } from "@annals/system";
import type { CatalogEntry, SystemCommand } from "@annals/system";
import pino from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CatalogFile, forgetDecisions, knownLogs } from "../../src/catalogFile.ts";
import { newPlace } from "../../src/logDirectory.ts";
import type { LogPlace } from "../../src/logDirectory.ts";
import { SystemCommands } from "../../src/systemCommands.ts";

const MEMBERS = [1, 2, 3].map(asMemberId);
const DECIDED = { log: "audit", keep: "a", member: asMemberId(1), by: "ada", at: 1000 };
const HISTORY: readonly (readonly [number, SystemCommand])[] = [
  [5, { op: "createLog", name: "audit", voters: MEMBERS }],
  [17, { op: "resolveLog", ...DECIDED }],
  [18, { op: "resolveLog", ...DECIDED, keep: "b", member: asMemberId(2), by: "bob" }],
  [19, { op: "decisionCarriedOut", log: "audit", decision: 17, member: asMemberId(1) }],
  [20, { op: "replaceMember", node: "c", member: asMemberId(9) }],
  [21, { op: "decisionCarriedOut", log: "audit", decision: 17, member: asMemberId(2) }],
];

let data: string;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  lines = [];
  data = await mkdtemp(join(tmpdir(), "annals-commands-"));
});
afterEach(() => rm(data, { recursive: true, force: true }));

/** One life of a node: what it knew, and what it has applied since. */
async function live(
  known: readonly CatalogEntry[],
  history: typeof HISTORY,
): Promise<CatalogEntry | undefined> {
  const loaded = loadConfig({
    text: `cluster: test\nnodes: { a: "127.0.0.1:1", b: "127.0.0.1:2", c: "127.0.0.1:3" }\ndata: ${data}\n`,
    env: {},
    node: "a",
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const members = MEMBERS.map((member, k) => ({ node: "abc".charAt(k), member }));
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const catalog = new Catalog(MEMBERS);
  const places = new Map<number, LogPlace>();
  const place = (entry: CatalogEntry): void => void places.set(entry.id, newPlace(entry, false));
  for (const entry of known) catalog.take(entry);
  for (const entry of catalog.logs()) place(entry);
  const catalogFile = new CatalogFile(data, logger);
  const commands = new SystemCommands({
    config: loaded.config,
    catalog,
    roster: new Roster(members),
    catalogFile,
    logger,
    placeOf: (id) => places.get(id),
    logCount: () => places.size - 1,
    onCreated: place,
    onMembers: () => undefined,
    onFatal: (error: AnnalsError) => {
      throw error;
    },
  });
  for (const [index, command] of history) commands.apply(index, encodeCommand(command));
  await catalogFile.close();
  return places.get(5)?.entry;
}

test("a decision is over when all have carried it out, or were replaced", async () => {
  const seen: unknown[] = [];
  for (const [k] of HISTORY.entries())
    seen.push((await live([], HISTORY.slice(0, k + 1)))?.decision?.pending);
  expect(seen).toEqual([undefined, [1, 2, 3], [1, 2, 3], [2, 3], [2], []]);
});

test("the next life knows it, and the commands that come again change nothing", async () => {
  const entry = await live([], HISTORY);
  expect(entry?.decision).toMatchObject({ index: 17, keep: "a", by: "ada", pending: [] });
  const known = await knownLogs(data);
  expect(known).toEqual([entry]);
  for (let applied = 0; applied <= HISTORY.length; applied++)
    expect(await live(known, HISTORY.slice(0, applied))).toEqual(entry);
});

test("decisions that are void are forgotten, the logs and their schemas are not", async () => {
  const schema: SystemCommand = { op: "setSchema", log: "audit", action: "a.b", schema: "true" };
  await live([], [...HISTORY, [22, schema]]);
  await forgetDecisions(data);
  const schemas = [{ action: "a.b", version: 1, schema: "true", index: 22 }];
  expect(await knownLogs(data)).toEqual([{ id: 5, name: "audit", voters: MEMBERS, schemas }]);
});

test("a decision is told when it is made, and each node that has carried it out; a second one is not", async () => {
  await live([], HISTORY);
  const told = lines.filter((line) => "decision" in line);
  const pick = ({ msg, decision, keep, peer }: Record<string, unknown>) => [
    msg,
    decision,
    keep ?? peer,
  ];
  expect(told.map(pick)).toEqual([
    ["decided: one copy of the log is kept", 17, "a"],
    ["a node has carried the decision out", 17, "a"],
    ["a node has carried the decision out", 17, "b"],
  ]);
});
