import type { StoredRecord } from "@annals/client";
import type { FailureClass, Sink, SinkCursor } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import type { LogSource } from "./ports.ts";
import { Failure } from "./stops.ts";

/** No log gets so far: nothing of a record under this seq is in any place. */
const UNUSED_SEQ = Number.MAX_SAFE_INTEGER;
/** Records behind the suspect that are looked at, and as many of them as change something are tried. */
const NEXT_BYTES = 256 * 1024;
const NEXT_MAX = 4;
/** The same of a place that keeps what is tried: more of them, as nothing else tells a bad record from a receiver that takes none. */
const NEXT_REPEATED_MAX = 20;
/** Of those that were tried, so many are named. */
const NAMED_MAX = 4;

export interface Suspected<Mutation> {
  readonly sink: Sink<Mutation>;
  readonly source: LogSource;
  readonly cursor: SinkCursor;
  /** Seq of the record that could not be planned or written. */
  readonly seq: number;
  readonly signal: AbortSignal;
  /** Where what is tried arrives: whether records may, ahead of their turn. Else a request without records is all. */
  readonly mayArrive: boolean;
}

/** What else was tried, in words, and whether the place took any of it. */
export interface Finding {
  readonly takesOthers: boolean;
  readonly tried: string;
  /** What the place said of the last one. */
  readonly refusal: unknown;
}

/**
 * Whether a record is to blame for not being written, or the place: a constraint that somebody added, a trigger, a bug in a plan refuse
 * good records as well. So others are tried: one that the place has taken before, the next ones, one that is made up. A receiver that
 * keeps what is tried gets the next ones ahead of their turn, and once more in it; it may take requests without records and no record.
 * Rejects with a `Failure` when that fails for a reason that is no record's.
 */
export async function probeOthers<Mutation>(suspected: Suspected<Mutation>): Promise<Finding> {
  const tried: string[] = [];
  let refusal: unknown;
  for await (const { what, mutations } of witnesses(suspected)) {
    tried.push(what);
    if (mutations === undefined) continue;
    const refused = await refusalOf(suspected, mutations);
    if (refused === undefined) return { takesOthers: true, tried: listOf(tried), refusal };
    refusal = refused.error;
  }
  return { takesOthers: false, tried: listOf(tried), refusal };
}

function listOf(tried: readonly string[]): string {
  const named = tried.slice(0, NAMED_MAX).join(", ");
  const more = tried.length - NAMED_MAX;
  return more > 0 ? `${named}, and ${more} more` : named;
}

interface Witness<Mutation> {
  readonly what: string;
  /** Undefined: it cannot be planned. */
  readonly mutations: readonly Mutation[] | undefined;
}

async function* witnesses<Mutation>(
  suspected: Suspected<Mutation>,
): AsyncGenerator<Witness<Mutation>> {
  const { sink, source, cursor, seq, signal, mayArrive } = suspected;
  const isRepeat = sink.probing === "repeated";
  const planned = (record: StoredRecord): readonly Mutation[] | undefined => {
    try {
      return sink.plan(isRepeat ? record : { ...record, seq: UNUSED_SEQ });
    } catch {
      return undefined;
    }
  };
  const taken =
    cursor.anchor > 0 && cursor.anchor !== seq
      ? await source.record(cursor.anchor, signal)
      : undefined;
  if (taken !== undefined)
    yield {
      what: `record ${taken.seq}, which it has taken before`,
      mutations: planned(taken),
    };
  if (isRepeat && !mayArrive) return yield { what: "a request without records", mutations: [] };
  const { records } = await source.read(seq + 1, NEXT_BYTES, 0, signal);
  let left = isRepeat ? NEXT_REPEATED_MAX : NEXT_MAX;
  for (const record of records) {
    const mutations = planned(record);
    // What changes nothing tells nothing.
    if (mutations?.length === 0) continue;
    if (left-- === 0) break;
    yield { what: `record ${record.seq}`, mutations };
  }
  if (isRepeat) return undefined;
  const mutations = planned(MADE_UP);
  if (mutations?.length !== 0) yield { what: "one that is made up", mutations };
  return undefined;
}

const MADE_UP: StoredRecord = {
  seq: UNUSED_SEQ,
  recordedAt: "2026-01-01T00:00:00.000Z",
  actor: { type: "sink", id: "annals" },
  action: "annals.probe",
  targets: [{ type: "probe", id: "annals" }],
};

/** Undefined: the place takes them. */
async function refusalOf<Mutation>(
  { sink, signal }: Suspected<Mutation>,
  mutations: readonly Mutation[],
): Promise<{ readonly error: unknown } | undefined> {
  try {
    await sink.probe(mutations, signal);
    return undefined;
  } catch (error) {
    if (error instanceof SinkError) throw error;
    const kind: FailureClass = sink.classify(error);
    if (kind === "data") return { error };
    throw new Failure("sink", kind, error);
  }
}
