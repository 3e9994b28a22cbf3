/**
 * Small appends and their answers are most of what crosses a lane, and an object each costs both threads more than what is in it: its names
 * are written and read, its body becomes a buffer of its own. So those that stand next to each other in a turn travel as columns, and
 * their bodies in one buffer that moves. Other bodies cross in a buffer of their own.
 */
import type { RecordContentType } from "@annals/api";
import { crossingOf, MovableBody } from "@annals/channel";
import type { LaneCodec } from "@annals/channel";
import { fromWorkerTransferables, toWorkerTransferables } from "./messages.ts";
import type { FromWorker, ToWorker, WorkerRequest } from "./messages.ts";

/** Appends; the k-th of each column belong together. */
interface PackedAppends {
  readonly kind: "packedAppends";
  readonly ids: readonly number[];
  readonly logIds: readonly number[];
  readonly contentTypes: readonly RecordContentType[];
  /** Of the stamp, if there is one. */
  readonly producers: readonly (string | undefined)[];
  readonly epochs: readonly number[];
  readonly sequences: readonly number[];
  readonly timeoutsMs: readonly number[];
  /** Where each body ends in `bytes`. */
  readonly ends: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Answers to appends; the k-th of each column belong together. */
interface PackedAnswers {
  readonly kind: "packedAnswers";
  readonly ids: readonly number[];
  readonly firstSeqs: readonly number[];
  readonly lastSeqs: readonly number[];
  readonly counts: readonly number[];
  readonly duplicates: readonly boolean[];
}

/** An append whose body crosses in a buffer of its own. */
interface LoneAppend {
  readonly kind: "loneAppend";
  readonly id: number;
  readonly logId: number;
  readonly request: Omit<AppendRequest, "body">;
  readonly bytes: Uint8Array;
}

type AppendRequest = Extract<WorkerRequest, { op: "append" }>;

type ToWorkerPacked = ToWorker | LoneAppend | PackedAppends;
type FromWorkerPacked = FromWorker | PackedAnswers;

/** The gateway's end. */
export const GATEWAY_CODEC: LaneCodec<ToWorker, FromWorker> = {
  pack: (turn) => {
    const packed = packRuns(turn, smallAppend, appendsAsColumns).map(appendAlone);
    return { turn: packed, transfer: packed.flatMap(movedToWorker) };
  },
  unpack: (turn) => (turn as readonly FromWorkerPacked[]).flatMap(answersOf),
};

/** The worker's end. */
export const WORKER_CODEC: LaneCodec<FromWorker, ToWorker> = {
  pack: (turn) => ({
    turn: packRuns(turn, plainAnswer, answersAsColumns),
    transfer: turn.flatMap(fromWorkerTransferables),
  }),
  unpack: (turn) => (turn as readonly ToWorkerPacked[]).flatMap(appendsOf),
};

/** `part` says of a message what a column is made of, if it fits; runs of those become one. */
function packRuns<T, Part, Packed>(
  turn: readonly T[],
  part: (message: T) => Part | undefined,
  pack: (run: readonly Part[]) => Packed,
): readonly (T | Packed)[] {
  const packed: (T | Packed)[] = [];
  let run: Part[] = [];
  for (const message of turn) {
    const found = part(message);
    if (found !== undefined) {
      run.push(found);
      continue;
    }
    if (run.length > 0) packed.push(pack(run));
    run = [];
    packed.push(message);
  }
  if (run.length > 0) packed.push(pack(run));
  return packed;
}

interface SmallAppend {
  readonly id: number;
  readonly logId: number;
  readonly request: AppendRequest;
}

function smallAppend(message: ToWorker): SmallAppend | undefined {
  if (message.kind !== "request" || message.request.op !== "append") return undefined;
  const { id, logId, request } = message;
  return crossingOf(request.body.size) === "packed" ? { id, logId, request } : undefined;
}

function appendsAsColumns(run: readonly SmallAppend[]): PackedAppends {
  const bytes = new Uint8Array(run.reduce((sum, { request }) => sum + request.body.size, 0));
  const ends: number[] = [];
  let at = 0;
  for (const { request } of run) {
    bytes.set(request.body.bytes, at);
    at += request.body.size;
    ends.push(at);
  }
  return {
    kind: "packedAppends",
    ids: run.map(({ id }) => id),
    logIds: run.map(({ logId }) => logId),
    contentTypes: run.map(({ request }) => request.contentType),
    producers: run.map(({ request }) => request.stamp?.id),
    epochs: run.map(({ request }) => request.stamp?.epoch ?? 0),
    sequences: run.map(({ request }) => request.stamp?.sequence ?? 0),
    timeoutsMs: run.map(({ request }) => request.timeoutMs),
    ends,
    bytes,
  };
}

/** Takes the body out of an append that is not packed: it crosses in a buffer of its own. */
function appendAlone(message: ToWorker | PackedAppends): ToWorkerPacked {
  if (message.kind !== "request" || message.request.op !== "append") return message;
  const { id, logId } = message;
  const { body, ...request } = message.request;
  const bytes = crossingOf(body.size) === "moved" ? body.move() : body.copy();
  return { kind: "loneAppend", id, logId, request, bytes };
}

function appendsOf(message: ToWorkerPacked): ToWorker | readonly ToWorker[] {
  if (message.kind === "loneAppend") {
    const { id, logId, bytes } = message;
    const request = { ...message.request, body: MovableBody.own(bytes) };
    return { kind: "request", id, logId, request };
  }
  if (message.kind !== "packedAppends") return message;
  const { ids, logIds, contentTypes, timeoutsMs, ends, bytes } = message;
  return ids.map((id, k) => ({
    kind: "request",
    id,
    logId: at(logIds, k),
    request: {
      op: "append",
      contentType: at(contentTypes, k),
      body: MovableBody.share(bytes.subarray(k === 0 ? 0 : ends[k - 1], ends[k])),
      stamp: stampOf(message, k),
      timeoutMs: at(timeoutsMs, k),
    },
  }));
}

function stampOf(
  { producers, epochs, sequences }: PackedAppends,
  k: number,
): AppendRequest["stamp"] {
  const id = producers[k];
  return id === undefined ? undefined : { id, epoch: at(epochs, k), sequence: at(sequences, k) };
}

type Answer = Extract<FromWorker, { kind: "appended" }>;

function plainAnswer(message: FromWorker): Answer | undefined {
  return message.kind === "appended" && message.reply.schemas === undefined ? message : undefined;
}

function answersAsColumns(run: readonly Answer[]): PackedAnswers {
  return {
    kind: "packedAnswers",
    ids: run.map(({ id }) => id),
    firstSeqs: run.map(({ reply }) => reply.firstSeq),
    lastSeqs: run.map(({ reply }) => reply.lastSeq),
    counts: run.map(({ reply }) => reply.count),
    duplicates: run.map(({ reply }) => reply.duplicate),
  };
}

function answersOf(message: FromWorkerPacked): FromWorker | readonly FromWorker[] {
  if (message.kind !== "packedAnswers") return message;
  const { ids, firstSeqs, lastSeqs, counts, duplicates } = message;
  return ids.map((id, k) => ({
    kind: "appended",
    id,
    reply: {
      firstSeq: at(firstSeqs, k),
      lastSeq: at(lastSeqs, k),
      count: at(counts, k),
      duplicate: at(duplicates, k),
    },
  }));
}

function movedToWorker(message: ToWorkerPacked): readonly ArrayBuffer[] {
  if (message.kind !== "packedAppends" && message.kind !== "loneAppend")
    return toWorkerTransferables(message);
  const { buffer } = message.bytes;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

/** The columns are as long as each other. */
function at<T>(column: readonly T[], k: number): T {
  return column[k] as T;
}
