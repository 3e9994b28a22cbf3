import assert from "node:assert/strict";
import { asIndex } from "@annals/raft";
import type { Entry } from "@annals/raft";
import { asSeq, ZERO_HASH } from "@annals/record";
import type { LogStore } from "@annals/replica";
import type { ContractCase } from "./contractCase.ts";
import { batchEntry, chainOf, cycleOf, hardState, noopEntry } from "./sampleLog.ts";

/** A small seeded generator (mulberry32): the same seed gives the same run. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** The dumb second version: an array of entries and three numbers. */
interface Model {
  entries: Entry[];
  seqs: number[];
  term: number;
  commitIndex: number;
  applied: number;
}

const STEPS = 120;

/** Random cycles (appends, truncations, commits, restarts) against a model that cannot be wrong. */
export function randomCyclesCase(seed: number): ContractCase {
  return {
    name: `random cycles equal a dumb model (seed ${seed})`,
    async run(harness) {
      const random = seededRandom(seed);
      const model: Model = { entries: [], seqs: [], term: 1, commitIndex: 0, applied: 0 };
      let store = await harness.open();
      for (let step = 0; step < STEPS; step++) {
        if (random(12) === 0) {
          await store.close();
          store = await harness.open();
        }
        await randomStep(store, model, random);
        compare(store, model, random, `seed ${seed}, step ${step}`);
      }
      await store.close();
    },
  };
}

async function randomStep(
  store: LogStore,
  model: Model,
  random: (below: number) => number,
): Promise<void> {
  const truncates = random(5) === 0;
  if (truncates || random(6) === 0) model.term += 1;
  const uncommitted = model.entries.length - model.commitIndex;
  const keep = truncates ? model.commitIndex + random(uncommitted + 1) : model.entries.length;
  const added = randomEntries(model, keep, random(truncates ? 4 : 6) + (truncates ? 1 : 0), random);
  if (added.length > 0) {
    model.entries = [...model.entries.slice(0, keep), ...added];
    model.seqs = seqsOf(model.entries);
  }
  if (random(3) === 0) model.commitIndex += random(model.entries.length - model.commitIndex + 1);
  if (random(3) === 0) model.applied += random(model.commitIndex - model.applied + 1);
  await store.write(
    cycleOf({
      entries: added,
      hardState: hardState(model.term, random(4), model.commitIndex),
      applied: {
        appliedIndex: asIndex(model.applied),
        membership: undefined,
        producers: new Map(),
        groups: new Map(),
      },
    }),
  );
}

function randomEntries(
  model: Model,
  keep: number,
  count: number,
  random: (below: number) => number,
): Entry[] {
  const added: Entry[] = [];
  let seq = keep === 0 ? 0 : (model.seqs[keep - 1] ?? 0);
  for (let k = 1; k <= count; k++) {
    const index = keep + k;
    if (random(4) === 0) {
      added.push(noopEntry(index, model.term));
      continue;
    }
    const records = Array.from({ length: 1 + random(3) }, () =>
      new Uint8Array(random(50)).fill(random(256)),
    );
    added.push(batchEntry(index, model.term, seq + 1, records));
    seq += records.length;
  }
  return added;
}

/** The last seq after each entry. */
function seqsOf(entries: readonly Entry[]): number[] {
  let seq = 0;
  return entries.map((entry) => {
    if (entry.kind === "records")
      seq += new DataView(entry.data.buffer, entry.data.byteOffset).getUint32(9);
    return seq;
  });
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What the store says of every hash that it has, from the one before the first entry on. */
function hashesOf(store: LogStore): readonly string[] {
  const hashes: string[] = [];
  for (let index = store.firstIndex() - 1; index <= store.lastIndex(); index++)
    hashes.push(hex(store.hashAt(asIndex(index))));
  return hashes;
}

function chainedHashes(store: LogStore, entries: readonly Entry[]): readonly string[] {
  const hashes: Uint8Array[] = [ZERO_HASH];
  for (const entry of entries) hashes.push(store.chain(hashes.at(-1) ?? ZERO_HASH, entry));
  return hashes.slice(store.firstIndex() - 1).map(hex);
}

function compare(
  store: LogStore,
  model: Model,
  random: (below: number) => number,
  where: string,
): void {
  const last = model.entries.length;
  assert.equal(store.lastIndex(), last, where);
  assert.equal(store.lastSeq(), model.seqs.at(-1) ?? 0, where);
  assert.equal(store.appliedIndex(), model.applied, where);
  assert.equal(store.initialState().hardState.commitIndex, model.commitIndex, where);
  assert.equal(Buffer.from(store.headHash()).toString("hex"), chainOf(model.entries), where);
  assert.deepEqual(hashesOf(store), chainedHashes(store, model.entries), where);
  for (let index = 1; index <= last; index++)
    assert.equal(store.term(asIndex(index)), model.entries[index - 1]?.term, where);
  if (last > 0) {
    const from = Math.max(store.firstIndex(), 1 + random(last));
    const found = store.entries(asIndex(from), asIndex(last + 1), Infinity, Infinity);
    assert.notEqual(found, "compacted");
    const plain = (entries: readonly Entry[]): unknown[] =>
      entries.map(({ index, term, kind, data }) => ({ index, term, kind, data: [...data] }));
    assert.deepEqual(
      plain(found === "compacted" ? [] : found),
      plain(model.entries.slice(from - 1)),
      where,
    );
  }
  const seq = 1 + random((model.seqs.at(-1) ?? 0) + 2);
  const holder = model.seqs.findIndex((end) => end >= seq);
  assert.equal(store.indexOfSeq(asSeq(seq)), holder < 0 ? undefined : holder + 1, where);
}
