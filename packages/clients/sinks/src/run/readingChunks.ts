import type { StoredRecord } from "@annals/client";
import { recordHash } from "../recordHash.ts";
import type { Sink, SinkCursor } from "../sink.ts";
import type { Suspect } from "./bisection.ts";
import { packChunks } from "./chunkPacker.ts";
import type { ChunkCaps, PackedChunk, PlannedRecord } from "./chunkPacker.ts";
import type { Reading } from "./ports.ts";

/** The next thing of a reading. */
type Taken<Mutation> =
  | { readonly kind: "packed"; readonly chunk: PackedChunk<Mutation> }
  /** Everything before it is taken; what lies behind it is not looked at. */
  | { readonly kind: "unplannable"; readonly suspect: Suspect }
  | { readonly kind: "exhausted"; readonly isEmpty: boolean };

/** Until the first chunk is asked for. */
const SMALLEST: ChunkCaps = { items: 1, bytes: 1, records: 1 };

/** Chunks of one reading, each packed when it is asked for, by the caps of then. */
export class ReadingChunks<Mutation> {
  readonly #reading: Reading;
  readonly #sink: Pick<Sink<Mutation>, "plan" | "weigh">;
  readonly #packed: Generator<PackedChunk<Mutation>, void>;
  #caps: ChunkCaps = SMALLEST;
  #unplannable: Suspect | undefined;

  /** `start`: the cursor behind which the first chunk begins. */
  constructor(reading: Reading, start: SinkCursor, sink: Pick<Sink<Mutation>, "plan" | "weigh">) {
    this.#reading = reading;
    this.#sink = sink;
    this.#packed = packChunks(
      this.#planned(),
      start,
      () => this.#caps,
      (mutation) => sink.weigh(mutation),
    );
  }

  /** Everything up to here is in the reading, or belongs to other lanes. */
  get to(): number {
    return this.#reading.to;
  }

  take(caps: ChunkCaps): Taken<Mutation> {
    this.#caps = caps;
    const packed = this.#packed.next();
    if (packed.done !== true) return { kind: "packed", chunk: packed.value };
    if (this.#unplannable !== undefined) return { kind: "unplannable", suspect: this.#unplannable };
    return { kind: "exhausted", isEmpty: this.#reading.records.length === 0 };
  }

  *#planned(): Generator<PlannedRecord<Mutation>, void> {
    for (const record of this.#reading.records) {
      const planned = this.#plan(record);
      if (planned === undefined) return;
      yield planned;
    }
  }

  #plan(record: StoredRecord): PlannedRecord<Mutation> | undefined {
    const { seq } = record;
    try {
      return { seq, mutations: this.#sink.plan(record), hash: recordHash(record) };
    } catch (error) {
      this.#unplannable = { seq, hash: recordHash(record), error };
      return undefined;
    }
  }
}
