// Goal: from each state of a lease holder each event leads where the graph of states says, or is refused as a bug. Method: a table of all
// pairs: what is not in a state's row has to throw; then what the states carry, along the ways through the graph.
import { describe, expect, test } from "vitest";
import { NO_BISECTION } from "../src/run/bisection.ts";
import type { PackedChunk } from "../src/run/chunkPacker.ts";
import { ReadingChunks } from "../src/run/readingChunks.ts";
import { isPausable, next } from "../src/run/states.ts";
import type { ActiveState, HolderEvent, HolderState, Progress } from "../src/run/states.ts";
import type { SinkCursor } from "../src/sink.ts";

type State = HolderState<string>;
type Event = HolderEvent<string>;

function cursorAt(seq: number, part = 0): SinkCursor {
  const mark = { settings: "s", epoch: 3, scope: "log audit", anchor: 0 };
  return { ...mark, seq, part, recordHash: `hash of ${seq}` };
}

function chunkOf(from: number, to: number): PackedChunk<string> {
  const seqs = Array.from({ length: to - from + 1 }, (_, k) => from + k);
  const [expected, end] = [cursorAt(from - 1), cursorAt(to)];
  const mutations = seqs.map((seq) => `row of ${seq}`);
  return { expected, next: end, mutations, records: seqs.length, bytes: 9, seqs };
}

const chunks = new ReadingChunks<string>({ records: [], to: 10, bytes: 0 }, cursorAt(10), {
  plan: () => [],
  weigh: () => 0,
});
const progress: Progress = { cursor: cursorAt(10), bisection: NO_BISECTION };
const searching: Progress = { cursor: cursorAt(10), bisection: { suspects: 8, refusals: 2 } };
const suspect = { seq: 11, hash: "hash of 11", error: "too long" };
const several = chunkOf(11, 14);
const single = chunkOf(11, 11);
const passing = { ...single, mutations: [], bytes: 0 };
const wait = { ms: 20, backingOff: false };
const reading: ActiveState<string> = { kind: "reading", progress };

/** One or more of each kind. */
const STATES = {
  opening: { kind: "opening" },
  reading,
  packing: { kind: "packing", progress, chunks },
  writing: { kind: "writing", progress, chunk: several, chunks },
  "committing, then packing": {
    kind: "committing",
    when: "due",
    after: { kind: "packing", progress, chunks },
  },
  "committing, then reading": { kind: "committing", when: "now", after: reading },
  "settling a failed chunk": {
    kind: "settling",
    progress,
    of: "writing",
    chunk: several,
    refusal: undefined,
  },
  "settling several refused records": {
    kind: "settling",
    progress,
    of: "writing",
    chunk: several,
    refusal: { error: "too long" },
  },
  "settling one refused record": {
    kind: "settling",
    progress,
    of: "writing",
    chunk: single,
    refusal: { error: "too long" },
  },
  "settling a failed passing": {
    kind: "settling",
    progress,
    of: "passing",
    chunk: passing,
    refusal: undefined,
  },
  probing: { kind: "probing", progress, suspect },
  deadLettering: { kind: "deadLettering", progress, suspect },
  passing: { kind: "passing", progress, chunk: passing },
  backingOff: { kind: "backingOff", wait, after: reading },
  paused: { kind: "paused", after: reading },
  ended: { kind: "ended", error: "gone" },
} as const satisfies Readonly<Record<string, State>>;

const EVENTS = {
  opened: { kind: "opened", cursor: cursorAt(10) },
  read: { kind: "read", chunks },
  interrupted: { kind: "interrupted" },
  jobDone: { kind: "jobDone" },
  packed: { kind: "packed", chunk: several },
  unplannable: { kind: "unplannable", suspect },
  exhausted: { kind: "exhausted", isEmpty: false },
  written: { kind: "written" },
  refused: { kind: "refused", error: "too long" },
  applied: { kind: "settled", isApplied: true },
  "not applied": { kind: "settled", isApplied: false },
  committed: { kind: "committed" },
  proven: { kind: "proven", hash: "hash of 11" },
  recorded: { kind: "recorded" },
  failed: { kind: "failed", wait },
  waited: { kind: "waited" },
  pauseAsked: { kind: "pauseAsked" },
  resumed: { kind: "resumed" },
  stopped: { kind: "stopped", error: "lost" },
} as const satisfies Readonly<Record<string, Event>>;

type Row = Partial<Record<keyof typeof EVENTS, State["kind"]>>;

/** Kinds of the states that follow; every other event must not come. */
const GRAPH: Readonly<Record<keyof typeof STATES, Row>> = {
  opening: { opened: "reading", failed: "backingOff", pauseAsked: "paused", stopped: "ended" },
  reading: {
    read: "packing",
    interrupted: "reading",
    jobDone: "reading",
    failed: "backingOff",
    pauseAsked: "paused",
    stopped: "ended",
  },
  packing: {
    packed: "writing",
    unplannable: "probing",
    exhausted: "committing",
    stopped: "ended",
  },
  writing: {
    written: "committing",
    refused: "settling",
    failed: "backingOff",
    pauseAsked: "paused",
    stopped: "ended",
  },
  "committing, then packing": { committed: "packing", failed: "backingOff", stopped: "ended" },
  "committing, then reading": { committed: "reading", failed: "backingOff", stopped: "ended" },
  "settling a failed chunk": {
    applied: "committing",
    "not applied": "reading",
    failed: "backingOff",
    pauseAsked: "paused",
    stopped: "ended",
  },
  "settling several refused records": {
    applied: "committing",
    "not applied": "reading",
    failed: "backingOff",
    pauseAsked: "paused",
    stopped: "ended",
  },
  "settling one refused record": {
    applied: "committing",
    "not applied": "probing",
    failed: "backingOff",
    pauseAsked: "paused",
    stopped: "ended",
  },
  "settling a failed passing": {
    applied: "committing",
    "not applied": "passing",
    failed: "backingOff",
    pauseAsked: "paused",
    stopped: "ended",
  },
  probing: {
    proven: "deadLettering",
    failed: "backingOff",
    pauseAsked: "paused",
    stopped: "ended",
  },
  deadLettering: { recorded: "passing", failed: "backingOff", stopped: "ended" },
  passing: { written: "committing", failed: "backingOff", stopped: "ended" },
  backingOff: { waited: "reading", stopped: "ended" },
  paused: { resumed: "reading", interrupted: "paused", jobDone: "paused", stopped: "ended" },
  ended: {},
};

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] {
  const names: readonly string[] = Object.keys(record);
  return names.filter((name): name is Key => name in record);
}

/** Kind of the state that follows, or the message with which the event is refused. */
function leadsTo(state: State, event: Event): string {
  try {
    return next(state, event).kind;
  } catch (error) {
    return String(error).replace(/^Error: /, "");
  }
}

describe.each(keysOf(STATES))("%s", (name) => {
  const state: State = STATES[name];

  test.each(keysOf(EVENTS))("%s", (eventName) => {
    const event: Event = EVENTS[eventName];
    const refusal = `a sink that is ${state.kind} met the event ${event.kind}`;
    expect(leadsTo(state, event)).toBe(GRAPH[name][eventName] ?? refusal);
  });

  test("may be paused where the graph says so", () => {
    expect(isPausable(state)).toBe(GRAPH[name].pauseAsked === "paused");
  });
});

/** The state behind some events. */
function after(state: State, ...events: readonly Event[]): State {
  return events.reduce<State>((at, event) => next(at, event), state);
}

describe("a chunk", () => {
  test("that is written moves the cursor to its end, and the next one comes from the same reading", () => {
    const written = after(STATES.writing, EVENTS.written);
    expect(written).toEqual({
      kind: "committing",
      when: "due",
      after: { kind: "packing", progress: { ...progress, cursor: several.next }, chunks },
    });
    expect(after(written, EVENTS.committed)).toMatchObject({ kind: "packing", chunks });
  });

  test("that failed is asked for after the wait, its reading is let go, and the cursor stays", () => {
    const settling = after(STATES.writing, EVENTS.failed, EVENTS.waited);
    expect(settling).toEqual(STATES["settling a failed chunk"]);
    expect(after(settling, EVENTS["not applied"])).toEqual(reading);
  });

  test("that has taken effect after all is never written again", () => {
    const moved = { cursor: several.next, bisection: NO_BISECTION };
    expect(after(STATES["settling a failed chunk"], EVENTS.applied)).toEqual({
      kind: "committing",
      when: "due",
      after: { kind: "reading", progress: moved },
    });
  });

  test("whose commit of the lane's position fails is not written again", () => {
    const failed = after(STATES.writing, EVENTS.written, EVENTS.failed, EVENTS.waited);
    expect(failed).toEqual({ kind: "reading", progress: { ...progress, cursor: several.next } });
  });
});

describe("a bisection", () => {
  test("suspects the records that were refused together, and counts the refusal", () => {
    const refused = after(STATES.writing, EVENTS.refused, EVENTS["not applied"]);
    const bisection = { suspects: 4, refusals: 1 };
    expect(refused).toEqual({ kind: "reading", progress: { cursor: progress.cursor, bisection } });
  });

  test("acquits those that are written, and goes on among the others", () => {
    const state: State = { kind: "writing", progress: searching, chunk: several, chunks };
    const bisection = { suspects: 4, refusals: 2 };
    expect(after(state, EVENTS.written, EVENTS.committed)).toEqual({
      kind: "packing",
      progress: { cursor: several.next, bisection },
      chunks,
    });
  });

  test("goes on while nothing is known of a chunk that failed", () => {
    const state: State = { kind: "writing", progress: searching, chunk: several, chunks };
    expect(after(state, EVENTS.failed, EVENTS.waited, EVENTS["not applied"])).toEqual({
      kind: "reading",
      progress: searching,
    });
  });

  test("ends with one record, of which nothing is written before it is proven to be to blame", () => {
    const state: State = { kind: "writing", progress: searching, chunk: single, chunks };
    const probing = after(state, EVENTS.refused, EVENTS["not applied"]);
    expect(probing).toMatchObject({
      kind: "probing",
      progress: { cursor: cursorAt(10), bisection: { refusals: 3 } },
      suspect,
    });
    const passed = after(probing, EVENTS.proven, EVENTS.recorded);
    expect(passed).toMatchObject({ kind: "passing", chunk: passing });
    expect(after(passed, EVENTS.written)).toEqual({
      kind: "committing",
      when: "now",
      after: { kind: "reading", progress: { cursor: cursorAt(11), bisection: NO_BISECTION } },
    });
  });

  test("asks the log for the hash of a record that does not end in its chunk", () => {
    const chunk = { ...single, next: cursorAt(10, 2), records: 0 };
    const state: State = { kind: "writing", progress, chunk, chunks };
    const probing = after(state, EVENTS.refused, EVENTS["not applied"]);
    expect(probing).toMatchObject({ kind: "probing", suspect: { seq: 11, hash: undefined } });
    const passed = after(probing, EVENTS.proven, EVENTS.recorded);
    expect(passed).toMatchObject({ chunk: { expected: cursorAt(10), next: cursorAt(11) } });
  });
});

describe("a wait", () => {
  test.each([
    ["opening", STATES.opening],
    ["reading", STATES.reading],
    ["settling", STATES["settling several refused records"]],
    ["probing", STATES.probing],
    ["deadLettering", STATES.deadLettering],
  ])("after a failure of %s leads back to it", (_name, state) => {
    expect(after(state, EVENTS.failed, EVENTS.waited)).toEqual(state);
  });

  test("after a passing that failed leads to the question whether it took effect", () => {
    const settling = after(STATES.passing, EVENTS.failed, EVENTS.waited);
    expect(settling).toEqual(STATES["settling a failed passing"]);
    expect(after(settling, EVENTS["not applied"])).toEqual(STATES.passing);
  });
});

test("a pause leads back to where it began, with the chunk that was about to be written", () => {
  const pausable = Object.values(STATES).filter((state) => isPausable(state));
  expect(pausable.map((state) => after(state, EVENTS.pauseAsked, EVENTS.resumed))).toEqual(
    pausable,
  );
  expect(after(STATES.writing, EVENTS.pauseAsked, EVENTS.resumed)).toEqual(STATES.writing);
});

test("an empty reading commits the position at once, so that an idle sink owes nothing", () => {
  const empty = after(STATES.packing, { kind: "exhausted", isEmpty: true });
  expect(empty).toEqual({ kind: "committing", when: "now", after: reading });
});

test("the end keeps what ended it", () => {
  expect(after(STATES.writing, EVENTS.stopped)).toEqual({ kind: "ended", error: "lost" });
});
