import type { SinkCursor } from "../sink.ts";
import { acquit, countRefusal, NO_BISECTION, suspect } from "./bisection.ts";
import type { Bisection, Suspect } from "./bisection.ts";
import type { PackedChunk } from "./chunkPacker.ts";
import type { ReadingChunks } from "./readingChunks.ts";
import type { Wait } from "./retries.ts";

/*
 * States of a lease holder, and what leads from one to the next. `LeaseHolder` does what a state says and reports the event.
 *
 *   opening ─▶ reading ─▶ packing ─▶ writing ─▶ committing ─▶ packing        the chunks of a reading, one by one
 *                            └─ exhausted ─▶ committing ─▶ reading           and the next reading
 *
 *   writing ─ refused, or failed ─▶ settling                                 the stored cursor is asked
 *                                      ├─ applied ─▶ committing ─▶ reading
 *                                      ├─ failed, not applied ─▶ reading     the same is read again
 *                                      ├─ several refused ─▶ reading         half of them is tried
 *                                      └─ one refused ─▶ probing
 *
 *   packing ─ unplannable ─▶ probing ─ proven ─▶ deadLettering ─▶ passing ─▶ committing ─▶ reading
 *   passing ─ failed ─▶ settling ─ applied ─▶ committing ─▶ reading
 *                          └─ not applied ─▶ passing
 *
 *   each call ─ failed ─▶ backingOff ─▶ settling after writing and passing, reading after committing, else the same state
 *   opening, reading, writing, settling, probing ─ pauseAsked ─▶ paused ─ resumed ─▶ the same state
 *   all ─ stopped ─▶ ended                                                   a lost lane or place, or what no repetition mends
 *
 * A failure and a refusal drop the reading, which is read again behind the cursor: nothing gathers while the sink is away.
 */

/** How far the place is, and what is suspected behind. */
export interface Progress {
  readonly cursor: SinkCursor;
  readonly bisection: Bisection;
}

export type Opening = { readonly kind: "opening" };

/** Waits for records behind what is done with. Jobs are done here. */
export type Reading = { readonly kind: "reading"; readonly progress: Progress };

/** Packs the next chunk of a reading. */
export type Packing<M> = {
  readonly kind: "packing";
  readonly progress: Progress;
  readonly chunks: ReadingChunks<M>;
};

/** Writes a chunk of records. */
export type Writing<M> = {
  readonly kind: "writing";
  readonly progress: Progress;
  readonly chunk: PackedChunk<M>;
  /** The rest of the reading. */
  readonly chunks: ReadingChunks<M>;
};

/** Lets the lane's position follow the cursor. */
export type Committing<M> = {
  readonly kind: "committing";
  readonly when: "now" | "due";
  readonly after: Reading | Packing<M>;
};

/** Asks the stored cursor whether a transaction took effect. */
export type Settling<M> = {
  readonly kind: "settling";
  readonly progress: Progress;
  readonly of: "writing" | "passing";
  readonly chunk: PackedChunk<M>;
  /** Why the place has refused it; undefined: it is not known what became of it. */
  readonly refusal: { readonly error: unknown } | undefined;
};

/** Tries whether the place takes other records: if not, the suspect is none. */
export type Probing = {
  readonly kind: "probing";
  readonly progress: Progress;
  readonly suspect: Suspect;
};

/** Writes the dead letter of a record of which it is proven that it alone is refused. */
export type DeadLettering = {
  readonly kind: "deadLettering";
  readonly progress: Progress;
  readonly suspect: Suspect & { readonly hash: string };
};

/** Moves the stored cursor past a record whose dead letter is durable. */
export type Passing<M> = {
  readonly kind: "passing";
  readonly progress: Progress;
  readonly chunk: PackedChunk<M>;
};

/** States in which nothing is owed to a clock or an operator. */
export type ActiveState<M> =
  | Opening
  | Reading
  | Packing<M>
  | Writing<M>
  | Committing<M>
  | Settling<M>
  | Probing
  | DeadLettering
  | Passing<M>;

export type HolderState<M> =
  | ActiveState<M>
  | { readonly kind: "backingOff"; readonly wait: Wait; readonly after: ActiveState<M> }
  | { readonly kind: "paused"; readonly after: ActiveState<M> }
  | { readonly kind: "ended"; readonly error: unknown };

export type HolderEvent<M> =
  /** The place is taken over; its cursor is this one. */
  | { readonly kind: "opened"; readonly cursor: SinkCursor }
  | { readonly kind: "read"; readonly chunks: ReadingChunks<M> }
  /** A wait for records, or for the end of a pause, was ended from outside. */
  | { readonly kind: "interrupted" }
  | { readonly kind: "jobDone" }
  | { readonly kind: "packed"; readonly chunk: PackedChunk<M> }
  | { readonly kind: "unplannable"; readonly suspect: Suspect }
  /** `isEmpty`: the reading had no record. */
  | { readonly kind: "exhausted"; readonly isEmpty: boolean }
  | { readonly kind: "written" }
  /** The transaction cannot be written as it is. */
  | { readonly kind: "refused"; readonly error: unknown }
  | { readonly kind: "settled"; readonly isApplied: boolean }
  | { readonly kind: "committed" }
  /** The place takes other records. */
  | { readonly kind: "proven"; readonly hash: string }
  /** The dead letter is durable. */
  | { readonly kind: "recorded" }
  /** The same may succeed after a wait. */
  | { readonly kind: "failed"; readonly wait: Wait }
  | { readonly kind: "waited" }
  | { readonly kind: "pauseAsked" }
  | { readonly kind: "resumed" }
  | { readonly kind: "stopped"; readonly error: unknown };

/** Throws an Error for an event that cannot come in the state: a bug. */
export function next<M>(state: HolderState<M>, event: HolderEvent<M>): HolderState<M> {
  switch (state.kind) {
    case "backingOff":
      if (event.kind === "waited") return state.after;
      break;
    case "paused":
      if (event.kind === "resumed") return state.after;
      if (event.kind === "interrupted" || event.kind === "jobDone") return state;
      break;
    case "ended":
      throw unexpected(state, event);
    default: {
      if (event.kind === "failed")
        return { kind: "backingOff", wait: event.wait, after: retried(state, event) };
      if (event.kind === "pauseAsked" && isPausable(state)) return { kind: "paused", after: state };
      const active = nextActive(state, event);
      if (active !== undefined) return active;
    }
  }
  if (event.kind === "stopped") return { kind: "ended", error: event.error };
  throw unexpected(state, event);
}

/** Whether a pause may begin in a state: it is about to call the sink, or to wait for the log, and nothing is half done. */
export function isPausable({ kind }: HolderState<unknown>): boolean {
  return PAUSABLE.has(kind);
}

const PAUSABLE: ReadonlySet<HolderState<unknown>["kind"]> = new Set([
  "opening",
  "reading",
  "writing",
  "settling",
  "probing",
]);

/** The state after the wait that follows a failure. */
function retried<M>(state: ActiveState<M>, event: HolderEvent<M>): ActiveState<M> {
  switch (state.kind) {
    case "writing":
    case "passing":
      return settling(state, undefined);
    case "committing":
      return reading(state.after.progress);
    case "packing":
      throw unexpected(state, event);
    default:
      return state;
  }
}

/** Undefined for an event that does not belong to the state. */
function nextActive<M>(state: ActiveState<M>, event: HolderEvent<M>): ActiveState<M> | undefined {
  switch (state.kind) {
    case "opening":
      if (event.kind !== "opened") return undefined;
      return reading({ cursor: event.cursor, bisection: NO_BISECTION });
    case "reading":
      if (event.kind === "interrupted" || event.kind === "jobDone") return state;
      if (event.kind !== "read") return undefined;
      return { kind: "packing", progress: state.progress, chunks: event.chunks };
    case "packing":
      return afterPacking(state, event);
    case "writing":
      if (event.kind === "refused") return settling(state, { error: event.error });
      if (event.kind !== "written") return undefined;
      return {
        kind: "committing",
        when: "due",
        after: { kind: "packing", progress: afterWriting(state), chunks: state.chunks },
      };
    case "committing":
      return event.kind === "committed" ? state.after : undefined;
    case "settling":
      if (event.kind !== "settled") return undefined;
      return event.isApplied ? afterApplied(state) : afterNotApplied(state);
    case "probing": {
      if (event.kind !== "proven") return undefined;
      const { progress, suspect: culprit } = state;
      return { kind: "deadLettering", progress, suspect: { ...culprit, hash: event.hash } };
    }
    case "deadLettering":
      if (event.kind !== "recorded") return undefined;
      return { kind: "passing", progress: state.progress, chunk: passingChunk(state) };
    case "passing":
      if (event.kind !== "written") return undefined;
      return { kind: "committing", when: "now", after: reading(afterPassing(state)) };
    default:
      return state satisfies never;
  }
}

function afterPacking<M>(
  { progress, chunks }: Packing<M>,
  event: HolderEvent<M>,
): ActiveState<M> | undefined {
  switch (event.kind) {
    case "packed":
      return { kind: "writing", progress, chunk: event.chunk, chunks };
    case "unplannable":
      return { kind: "probing", progress, suspect: event.suspect };
    case "exhausted":
      return {
        kind: "committing",
        when: event.isEmpty ? "now" : "due",
        after: reading(progress),
      };
    default:
      return undefined;
  }
}

function afterApplied<M>(state: Settling<M>): ActiveState<M> {
  if (state.of === "passing")
    return { kind: "committing", when: "now", after: reading(afterPassing(state)) };
  return { kind: "committing", when: "due", after: reading(afterWriting(state)) };
}

/** The chunk of a record that is passed is still the right one; records are read and packed again by what the failure has taught. */
function afterNotApplied<M>({ progress, of, chunk, refusal }: Settling<M>): ActiveState<M> {
  if (of === "passing") return { kind: "passing", progress, chunk };
  if (refusal === undefined) return reading(progress);
  const { cursor, bisection } = progress;
  const [seq] = chunk.seqs;
  if (chunk.seqs.length > 1 || seq === undefined)
    return reading({ cursor, bisection: suspect(bisection, chunk.seqs.length) });
  const { next: end } = chunk;
  const hash = end.seq === seq ? end.recordHash : undefined;
  return { kind: "probing", progress, suspect: { seq, hash, error: refusal.error } };
}

function reading(progress: Progress): Reading {
  return { kind: "reading", progress };
}

function settling<M>(
  { kind: of, progress, chunk }: Writing<M> | Passing<M>,
  refusal: Settling<M>["refusal"],
): Settling<M> {
  const { cursor, bisection } = progress;
  const counted = refusal === undefined ? bisection : countRefusal(bisection);
  return { kind: "settling", progress: { cursor, bisection: counted }, of, chunk, refusal };
}

function afterWriting<M>({ progress, chunk }: Writing<M> | Settling<M>): Progress {
  return { cursor: chunk.next, bisection: acquit(progress.bisection, chunk.records) };
}

/** The culprit was one record; nothing is known against the others. */
function afterPassing<M>({ chunk }: Passing<M> | Settling<M>): Progress {
  return { cursor: chunk.next, bisection: NO_BISECTION };
}

function passingChunk<M>({ progress, suspect: culprit }: DeadLettering): PackedChunk<M> {
  const { cursor } = progress;
  const { seq, hash } = culprit;
  return {
    expected: cursor,
    next: { ...cursor, seq, part: 0, recordHash: hash },
    mutations: [],
    records: 1,
    bytes: 0,
    seqs: [seq],
  };
}

function unexpected<M>(state: HolderState<M>, event: HolderEvent<M>): Error {
  return new Error(`a sink that is ${state.kind} met the event ${event.kind}`);
}
