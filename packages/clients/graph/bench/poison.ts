/**
 * Records that the graph refuses: `pnpm build && pnpm exec node packages/clients/graph/bench/poison.ts [RECORDS]`. One record in a thousand makes a node
 * whose key another one has, so that the engine's constraint refuses its transaction. Prints one JSON line; exit code 1 unless exactly those are
 * dead letters, every other one is in the graph once, and the residual is 0.
 */
import type { StoredRecord } from "@annals/client";
import { numberArgument, programArguments } from "@annals/kit";
import type { GraphMutation } from "../src/mutation.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import { mappingOfModule } from "../src/recordMapping.ts";
import { NEVER, peakMiB, recordsOf } from "./chunks.ts";
import { drive } from "./driver.ts";

const PROGRAM = "packages/clients/graph/bench/poison.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [RECORDS]

Records of which one in a thousand is refused by the graph's constraint: exactly those must be dead letters.

  RECORDS  how many (default 100000)

examples:
  pnpm exec node packages/clients/graph/bench/poison.ts
  pnpm exec node packages/clients/graph/bench/poison.ts 10000

exit code: 0 exactly those, 1 not so, 2 wrong usage`;

const { positionals } = programArguments(PROGRAM, HELP, {}, 1);
const RECORDS = numberArgument(PROGRAM, "RECORDS", positionals[0] ?? "100000");
const SHAPE = { actors: 1000, resources: 5000, changeEvery: 10 };
/** One of each thousand, at another place each time. */
const isBad = (seq: number): boolean => seq % 1000 === (Math.floor(seq / 1000) * 7919 + 500) % 1000;

const mapping = mappingOfModule(
  {
    labels: ["Event", "Actor"],
    types: ["BY"],
    plan: ({ seq, actor, action }: StoredRecord): readonly GraphMutation[] => {
      const [event, by] = [`event|${seq}`, `actor|${actor.id}`];
      const node = { kind: "node", seq, properties: { action } } as const;
      // The actor's key, though no record but the first may make it.
      const clash = { ...node, label: "Event", key: by, fresh: true } as const;
      return [
        { ...node, label: "Event", key: event, fresh: true },
        { ...node, label: "Actor", key: by, fresh: false },
        {
          kind: "edge",
          type: "BY",
          from: event,
          to: by,
          key: "",
          seq,
          fresh: true,
          properties: {},
        },
        ...(isBad(seq) ? [clash] : []),
      ];
    },
  },
  "poison",
);

const database = await GrafeoDatabase.open();
const lent = { ...bound(database), close: () => Promise.resolve() };
const letters = new Set<number>();
const startedMs = performance.now();
const status = await drive({
  records: RECORDS,
  recordsOf: (from, to) => recordsOf(from, to, SHAPE),
  sink: () =>
    new GraphSink({ id: "poison", log: "bench", connect: () => Promise.resolve(lent), mapping }),
  token: 1,
  onLetter: ({ seq }) => letters.add(seq),
});
const seconds = (performance.now() - startedMs) / 1000;

const seqs = Array.from({ length: RECORDS }, (_, k) => k + 1);
const bad = seqs.filter(isBad);
const transaction = await database.begin(NEVER);
const rows = await transaction.run(
  "MATCH (e:Event)-[:BY]->(a:Actor) RETURN e.seq AS seq, count(a) AS actors",
  {},
);
await transaction.rollback();
await database.close();
const written = new Map(rows.map(({ seq, actors }) => [Number(seq), Number(actors)]));
const exactLetters = letters.size === bad.length && bad.every((seq) => letters.has(seq));
const exactRest =
  written.size === RECORDS - bad.length &&
  seqs.every((seq) => isBad(seq) || written.get(seq) === 1);
console.log(
  JSON.stringify({
    bench: "poison",
    records: RECORDS,
    bad: bad.length,
    letters: letters.size,
    exactLetters,
    applied: status.applied,
    exactRest,
    residual: status.residual,
    state: status.state,
    perSecond: Math.round(RECORDS / seconds),
    peakMiB: peakMiB(),
    itemsMax: status.chunks.itemsMax,
    bytesMax: status.chunks.bytesMax,
  }),
);
if (!exactLetters || !exactRest || status.residual !== 0) process.exitCode = 1;

function bound(graph: GrafeoDatabase): Omit<GrafeoDatabase, "close"> {
  return {
    name: graph.name,
    begin: graph.begin.bind(graph),
    ensure: graph.ensure.bind(graph),
    explain: graph.explain.bind(graph),
    classify: graph.classify.bind(graph),
  };
}
