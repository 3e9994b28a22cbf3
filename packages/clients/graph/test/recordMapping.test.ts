/** Goal: records of one's own become what the template or the module says, and a bad one is refused with its place. */
import { describe, expect, test } from "vitest";
import type { GraphMutation } from "../src/mutation.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import { keyOf } from "../src/keys.ts";
import { mappingOfModule, mappingOfTemplate } from "../src/recordMapping.ts";
import { chunksOf, NEVER, query, recordOf } from "./driving.ts";

const TEMPLATE = [
  {
    action: "deploy.*",
    nodes: {
      run: { label: "Run", key: ["$seq"], properties: { at: "$recordedAt", kind: "deploy" } },
      service: { label: "Service", key: ["$tenant", "$data.service"] },
      host: { label: "Host", key: ["$targets.0.id"] },
    },
    edges: [
      { type: "OF", from: "run", to: "service" },
      { type: "RAN_ON", from: "run", to: "host", properties: { by: "$actor.id" } },
    ],
    changes: "service",
  },
];

const RECORD = recordOf(3, {
  action: "deploy.done",
  tenant: "t",
  data: { service: "web" },
  changes: [{ path: "version", before: 1, after: 2 }],
});

describe("a mapping by template", () => {
  test("leaves out nodes without a key, and their edges", () => {
    const mapping = mappingOfTemplate(TEMPLATE, "log");
    expect(mapping.plan(recordOf(1))).toEqual([]);
    const kinds = (mutations: readonly GraphMutation[]): readonly string[] =>
      mutations.map((m) => {
        if (m.kind === "patch") return `patch ${m.path}`;
        return m.kind === "node" ? `node ${m.label}` : `edge ${m.type}`;
      });
    expect(kinds(mapping.plan(RECORD))).toEqual([
      "node Run",
      "node Service",
      "patch version",
      "edge OF",
    ]);
    const hosted = { ...RECORD, targets: [{ id: "h" }] };
    expect(kinds(mapping.plan(hosted))).toEqual([
      "node Host",
      "node Run",
      "node Service",
      "patch version",
      "edge OF",
      "edge RAN_ON",
    ]);
  });

  test("is written, with its history", async () => {
    const database = await GrafeoDatabase.open();
    const sink = new GraphSink({
      id: "m",
      log: "log",
      mapping: mappingOfTemplate(TEMPLATE, "log"),
      connect: () => Promise.resolve(database),
    });
    await sink.open(NEVER);
    const log = [RECORD, { ...RECORD, seq: 4, changes: [{ path: "version", after: 7 }] }];
    for (const chunk of chunksOf(sink, log, 3)) await sink.apply(chunk, NEVER);
    const rows = await query(
      database,
      "MATCH (r:Run)-[:OF]->(s:Service) MATCH (c:Change {entity: s.key}) " +
        "RETURN r.seq AS run, r.kind AS kind, c.new AS version, c.to IS NULL AS open ORDER BY run, version",
    );
    expect(rows).toEqual([
      { run: 3, kind: "deploy", version: 2, open: false },
      { run: 3, kind: "deploy", version: 7, open: true },
      { run: 4, kind: "deploy", version: 2, open: false },
      { run: 4, kind: "deploy", version: 7, open: true },
    ]);
    await sink.close();
  });

  test("decides the sink's settings", () => {
    const settings = (document: unknown): string =>
      new GraphSink({
        id: "m",
        log: "log",
        mapping: mappingOfTemplate(document, "log"),
        connect: () => GrafeoDatabase.open(),
      }).settings;
    expect(settings(TEMPLATE)).toBe(settings(structuredClone(TEMPLATE)));
    expect(settings(TEMPLATE)).not.toBe(settings([{ ...TEMPLATE[0], action: "x" }]));
  });

  test.each([
    [{}, "the template"],
    [[{ nodes: { a: { label: "A", key: ["$seq"] } }, egdes: [] }], "[0].egdes"],
    [[{ nodes: { a: { label: "A B", key: ["$seq"] } } }], "[0].nodes.a.label"],
    [[{ nodes: { a: { label: "A", key: [] } } }], "[0].nodes.a.key"],
    [[{ nodes: { a: { label: "A", key: ["x"], properties: { seq: "1" } } } }], "properties.seq"],
    [[{ nodes: {}, edges: [{ type: "T", from: "a", to: "b" }] }], "[0].edges[0].from"],
    [[{ nodes: { a: { label: "A", key: ["x"] } }, changes: "b" }], "[0].changes"],
  ])("that is wrong is refused with its place: %j", (document, place) => {
    const read = (): unknown => mappingOfTemplate(document, "log");
    expect(read).toThrow(expect.objectContaining({ code: "ERR_GRAPH_MAPPING" }));
    expect(read).toThrow(place);
  });
});

describe("a mapping by module", () => {
  const node = { kind: "node", label: "A", fresh: false, properties: {} } as const;

  test("is put in order, and held to what it declares", () => {
    const mapping = (label: string, seq = 1) =>
      mappingOfModule(
        {
          labels: ["A"],
          types: [],
          plan: () => [
            { ...node, label, seq, key: keyOf("b") },
            { ...node, seq, key: keyOf("a") },
          ],
        },
        "v1",
      );
    const keys = mapping("A").plan(recordOf(1));
    expect(keys.map((m) => m.kind === "node" && m.key)).toEqual(["a", "b"]);
    expect(() => mapping("B").plan(recordOf(1))).toThrow("label B");
    expect(() => mapping("A", 2).plan(recordOf(1))).toThrow("seq 2");
  });
});
