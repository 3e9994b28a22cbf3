/** Shared by the benches: records of any number, and the chunks that a runner would make of them, without holding them all. */
import type { StoredRecord } from "@annals/client";
import type { Chunk, SinkCursor } from "@annals/sinks";
import type { GraphMutation } from "../src/mutation.ts";
import type { GraphSink } from "../src/graphSink.ts";

const UNSCOPED = { scope: "", anchor: 0 } as const;

export const NEVER: AbortSignal = new AbortController().signal;

/** Items of a chunk: the default of `sink.chunkSize`. */
const CHUNK_SIZE = 200;

export interface Shape {
  readonly actors: number;
  readonly resources: number;
  /** Every so many records one changes a value. */
  readonly changeEvery: number;
}

export function* recordsOf(from: number, to: number, shape: Shape): Generator<StoredRecord> {
  for (let seq = from; seq <= to; seq += 1) {
    const recordedAt = new Date(Date.UTC(2026, 0, 1) + seq * 50).toISOString();
    const change = { path: "state", before: seq - 1, after: seq };
    yield {
      seq,
      recordedAt,
      actor: { type: "user", id: `user-${(seq * 7919) % shape.actors}` },
      action: "file.modified",
      outcome: "success",
      targets: [{ type: "file", id: `file-${(seq * 104_729) % shape.resources}` }],
      ...(seq % shape.changeEvery === 0 ? { changes: [change] } : {}),
    };
  }
}

/** Whole records, as many as fit into a chunk. */
export function* chunksOf(
  sink: GraphSink,
  records: Iterable<StoredRecord>,
  from?: SinkCursor,
): Generator<Chunk<GraphMutation>> {
  let expected = from;
  let mutations: GraphMutation[] = [];
  let count = 0;
  let seq = 0;
  const chunk = (): Chunk<GraphMutation> => {
    const next = {
      seq,
      part: 0,
      settings: sink.settings,
      epoch: 1,
      recordHash: String(seq),
      ...UNSCOPED,
    };
    const made = { expected, next, mutations, records: count, bytes: 0 };
    expected = next;
    mutations = [];
    count = 0;
    return made;
  };
  for (const record of records) {
    const plan = sink.plan(record);
    if (count > 0 && mutations.length + plan.length > CHUNK_SIZE) yield chunk();
    mutations.push(...plan);
    count += 1;
    ({ seq } = record);
  }
  if (count > 0) yield chunk();
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** The highest resident set that this process ever had, in MiB: the graph and its engine, where they are in it, too. */
export function peakMiB(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

/** The largest of the transactions that were noted. */
export class LargestChunk {
  itemsMax = 0;
  bytesMax = 0;

  note({ mutations }: Chunk<GraphMutation>, sink: GraphSink): void {
    this.itemsMax = Math.max(this.itemsMax, mutations.length);
    const bytes = mutations.reduce((sum, mutation) => sum + sink.weigh(mutation), 0);
    this.bytesMax = Math.max(this.bytesMax, bytes);
  }
}
