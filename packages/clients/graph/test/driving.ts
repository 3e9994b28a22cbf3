import type { Chunk, SinkCursor } from "@annals/sinks";
import type { StoredRecord } from "@annals/client";
import type { GraphDatabase, GraphParameters, GraphRow } from "../src/graphDatabase.ts";
import type { GraphMutation } from "../src/mutation.ts";
import { GraphSink } from "../src/graphSink.ts";

export const NEVER: AbortSignal = new AbortController().signal;

interface Part {
  readonly seq: number;
  readonly part: number;
  readonly last: boolean;
  readonly mutation: GraphMutation;
}

/** All mutations of some records, in their order, each with its place. */
function partsOf(sink: GraphSink, records: readonly StoredRecord[]): readonly Part[] {
  return records.flatMap((record) => {
    const plan = sink.plan(record);
    return plan.map((mutation, index) => {
      const last = index === plan.length - 1;
      return { seq: record.seq, part: index + 1, last, mutation };
    });
  });
}

export function cursorAt(sink: GraphSink, seq: number, part = 0, epoch = 1): SinkCursor {
  const { settings } = sink;
  const recordHash = `hash-${seq}`;
  return { seq, part, settings, epoch, recordHash, scope: "log audit", anchor: 0 };
}

/** Chunks of at most so many mutations, wherever records end. */
export function chunksOf(
  sink: GraphSink,
  records: readonly StoredRecord[],
  size: number,
  from?: SinkCursor,
): readonly Chunk<GraphMutation>[] {
  const parts = partsOf(sink, records);
  const chunks: Chunk<GraphMutation>[] = [];
  let expected = from;
  for (let start = 0; start < parts.length; start += size) {
    const slice = parts.slice(start, start + size);
    const end = slice.at(-1);
    if (end === undefined) break;
    const next = end.last ? cursorAt(sink, end.seq) : cursorAt(sink, end.seq - 1, end.part);
    const mutations = slice.map(({ mutation }) => mutation);
    const ended = slice.filter(({ last }) => last).length;
    const bytes = mutations.reduce((sum, mutation) => sum + sink.weigh(mutation), 0);
    chunks.push({ expected, next, mutations, records: ended, bytes });
    expected = next;
  }
  return chunks;
}

export async function query(
  database: GraphDatabase,
  cypher: string,
  parameters: GraphParameters = {},
): Promise<readonly GraphRow[]> {
  const transaction = await database.begin(NEVER);
  try {
    return await transaction.run(cypher, parameters);
  } finally {
    await transaction.rollback();
  }
}

/** A sink that is open on a database which outlives it. */
export async function openSink(
  database: GraphDatabase,
  options: { id?: string; log?: string; degreeBudget?: number; writtenKeysMax?: number } = {},
): Promise<GraphSink> {
  const sink = new GraphSink({
    id: "test",
    log: "audit",
    ...options,
    connect: () => Promise.resolve(database),
  });
  await sink.open(NEVER);
  return sink;
}

export function recordOf(seq: number, fields: Partial<StoredRecord> = {}): StoredRecord {
  const recordedAt = new Date(Date.UTC(2026, 0, 1) + seq * 1_000).toISOString();
  return { seq, recordedAt, actor: { type: "user", id: "ann" }, action: "doc.read", ...fields };
}
