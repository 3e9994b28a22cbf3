/**
 * The contract of `LogStore`, run on every implementation: the same cases, told in terms of the port only. A case throws when the
 * implementation fails it; any test runner can drive the list.
 */
import assert from "node:assert/strict";
import { asIndex, asMemberId, asTerm, NOBODY } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import { asSeq, ZERO_HASH } from "@annals/record";
import type { AppliedUpdate, LogStore, ProducerState } from "@annals/replica";
import type { ContractCase } from "./contractCase.ts";
import { randomCyclesCase } from "./randomCycles.ts";
import {
  batchEntry,
  chainOf,
  cycleOf,
  hardState,
  noopEntry,
  plainEntries,
  SAMPLE_MEMBERSHIP,
} from "./sampleLog.ts";

function dataOf(entries: readonly Entry[] | "compacted"): readonly string[] {
  if (entries === "compacted") return ["compacted"];
  return entries.map((entry) => `${entry.index}/${entry.term} ${entry.kind} ${hex(entry.data)}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

async function rejectsWith(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.equal(error instanceof Error && "code" in error ? error.code : error, code);
    return true;
  });
}

function applied(
  index: number,
  producers: [string, ProducerState | undefined][] = [],
): AppliedUpdate {
  return {
    appliedIndex: asIndex(index),
    membership: undefined,
    producers: new Map(producers),
    groups: new Map(),
  };
}

function all(store: LogStore): readonly string[] {
  const last = store.lastIndex();
  if (last === 0) return [];
  return dataOf(store.entries(store.firstIndex(), asIndex(last + 1), Infinity, Infinity));
}

export const LOG_STORE_CONTRACT: readonly ContractCase[] = [
  {
    name: "a newborn log is empty and has its membership",
    async run(harness) {
      for (let round = 0; round < 2; round++) {
        const store = await harness.open();
        assert.deepEqual(store.initialState(), {
          hardState: { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) },
          membership: SAMPLE_MEMBERSHIP,
        });
        assert.equal(store.firstIndex(), 1);
        assert.equal(store.lastIndex(), 0);
        assert.equal(store.term(asIndex(0)), 0);
        assert.equal(store.term(asIndex(1)), "unavailable");
        assert.equal(store.storedEntry(asIndex(1)), undefined);
        assert.equal(store.lastSeq(), 0);
        assert.equal(store.indexOfSeq(asSeq(1)), undefined);
        assert.equal(hex(store.headHash()), hex(ZERO_HASH));
        assert.equal(store.appliedIndex(), 0);
        assert.equal(store.producers().size, 0);
        await store.close();
      }
    },
  },
  {
    name: "what was written is read back, also after a restart",
    async run(harness) {
      const entries = [
        noopEntry(1, 1),
        batchEntry(2, 1, 1, [Uint8Array.of(1), Uint8Array.of()]),
        noopEntry(3, 2),
      ];
      let store = await harness.open();
      await store.write(cycleOf({ entries, hardState: hardState(2, 3, 2) }));
      for (let round = 0; round < 2; round++) {
        assert.deepEqual(all(store), dataOf(entries));
        assert.deepEqual(store.initialState().hardState, hardState(2, 3, 2));
        assert.deepEqual(
          [0, 1, 2, 3, 4].map((k) => store.term(asIndex(k))),
          [0, 1, 1, 2, "unavailable"],
        );
        assert.equal(hex(store.headHash()), chainOf(entries));
        assert.equal(
          hex(store.storedEntry(asIndex(2))?.hash ?? ZERO_HASH),
          chainOf(entries.slice(0, 2)),
        );
        assert.equal(store.lastSeq(), 2);
        await store.close();
        store = await harness.open();
      }
      await store.close();
    },
  },
  {
    name: "entries keeps to its caps, but gives at least one",
    async run(harness) {
      const store = await harness.open();
      const record = new Uint8Array(1000);
      const entries = [1, 2, 3, 4].map((k) => batchEntry(k, 1, k, [record]));
      await store.write(cycleOf({ entries }));
      const size = entries[0]?.data.length ?? 0;
      const count = (maxBytes: number, maxEntries: number): number =>
        store.entries(asIndex(1), asIndex(5), maxBytes, maxEntries).length;
      assert.deepEqual(
        [count(0, 9), count(1, 9), count(2 * size, 9), count(2 * size - 1, 9)],
        [1, 1, 2, 1],
      );
      assert.deepEqual(
        [count(Infinity, 1), count(Infinity, 3), count(Infinity, Infinity)],
        [1, 3, 4],
      );
      assert.deepEqual(
        dataOf(store.entries(asIndex(3), asIndex(4), Infinity, 9)),
        dataOf(entries.slice(2, 3)),
      );
      await store.close();
    },
  },
  {
    name: "a conflicting suffix replaces what was there, chain, terms and seqs included",
    async run(harness) {
      let store = await harness.open();
      await store.write(cycleOf({ entries: plainEntries(1, 5, 1), hardState: hardState(1, 1, 2) }));
      await store.write(cycleOf({ entries: plainEntries(6, 9, 3), hardState: hardState(3, 1, 2) }));
      const replacement = [
        noopEntry(4, 4),
        batchEntry(5, 4, 4, [Uint8Array.of(7), Uint8Array.of(8)]),
      ];
      await store.write(cycleOf({ entries: replacement, hardState: hardState(4, 2, 2) }));
      const expected = [...plainEntries(1, 3, 1), ...replacement];
      for (let round = 0; round < 2; round++) {
        assert.deepEqual(all(store), dataOf(expected));
        assert.equal(store.lastIndex(), 5);
        assert.equal(hex(store.headHash()), chainOf(expected));
        assert.deepEqual(
          [3, 4, 5, 6].map((k) => store.term(asIndex(k))),
          [1, 4, 4, "unavailable"],
        );
        assert.deepEqual(
          [1, 3, 4, 5, 6].map((k) => store.indexOfSeq(asSeq(k))),
          [1, 3, 5, 5, undefined],
        );
        assert.equal(store.lastSeq(), 5);
        await store.close();
        store = await harness.open();
      }
      await store.close();
    },
  },
  {
    name: "a shorter suffix without records takes the seqs back",
    async run(harness) {
      const store = await harness.open();
      await store.write(cycleOf({ entries: plainEntries(1, 8, 1) }));
      await store.write(cycleOf({ entries: [noopEntry(3, 2)] }));
      assert.equal(store.lastSeq(), 2);
      assert.equal(store.lastIndex(), 3);
      await store.write(cycleOf({ entries: [batchEntry(4, 2, 3, [Uint8Array.of(1)])] }));
      assert.equal(store.indexOfSeq(asSeq(3)), 4);
      await store.close();
    },
  },
  {
    name: "the whole log may be replaced while nothing is committed",
    async run(harness) {
      const store = await harness.open();
      await store.write(cycleOf({ entries: plainEntries(1, 3, 1) }));
      await store.write(cycleOf({ entries: [noopEntry(1, 2)] }));
      assert.deepEqual(all(store), dataOf([noopEntry(1, 2)]));
      assert.equal(hex(store.headHash()), chainOf([noopEntry(1, 2)]));
      assert.equal(store.lastSeq(), 0);
      await store.close();
    },
  },
  {
    name: "a cycle that breaks the contract is refused, writes nothing, and the store lives on",
    async run(harness) {
      const store = await harness.open();
      const before = plainEntries(1, 3, 2);
      await store.write(
        cycleOf({ entries: before, hardState: hardState(2, 1, 2), applied: applied(1) }),
      );
      // The hash of the entry behind the beginning of the log, not behind entry 3.
      const foreignLink = {
        previousHash: ZERO_HASH,
        hash: store.chain(ZERO_HASH, noopEntry(4, 2)),
      };
      const bad = [
        cycleOf({ entries: [noopEntry(2, 3)] }),
        cycleOf({ entries: [noopEntry(5, 3)] }),
        cycleOf({ entries: [noopEntry(4, 3), noopEntry(6, 3)] }),
        cycleOf({ entries: [noopEntry(4, 1)] }),
        cycleOf({ entries: [batchEntry(4, 2, 5, [Uint8Array.of(1)])] }),
        cycleOf({ entries: [{ ...noopEntry(4, 2), link: foreignLink }] }),
        cycleOf({ hardState: hardState(1, 1, 2) }),
        cycleOf({ hardState: hardState(2, 1, 1) }),
        cycleOf({ hardState: hardState(2, 1, 4) }),
        cycleOf({ applied: applied(0) }),
        cycleOf({ applied: applied(3) }),
      ];
      for (const cycle of bad) await rejectsWith(store.write(cycle), "ERR_STORAGE_MISUSE");
      const garbage: Entry = { ...noopEntry(4, 2), kind: "records", data: Uint8Array.of(1, 2) };
      await rejectsWith(store.write(cycleOf({ entries: [garbage] })), "ERR_BATCH_MALFORMED");
      assert.deepEqual(all(store), dataOf(before));
      assert.deepEqual(store.initialState().hardState, hardState(2, 1, 2));
      await store.write(cycleOf({ entries: [noopEntry(4, 2)] }));
      assert.equal(store.lastIndex(), 4);
      await store.close();
    },
  },
  {
    name: "one write at a time",
    async run(harness) {
      const store = await harness.open();
      const first = store.write(cycleOf({ entries: plainEntries(1, 1, 1) }));
      await rejectsWith(
        store.write(cycleOf({ entries: plainEntries(2, 2, 1) })),
        "ERR_STORAGE_MISUSE",
      );
      await first;
      assert.equal(store.lastIndex(), 1);
      await store.close();
    },
  },
  {
    name: "reads see a cycle only when it is durable, and never a mixture",
    async run(harness) {
      const store = await harness.open();
      await store.write(cycleOf({ entries: plainEntries(1, 4, 1) }));
      const writing = store.write(
        cycleOf({ entries: plainEntries(3, 5, 2, 9), hardState: hardState(2, 2, 0) }),
      );
      assert.equal(store.lastIndex(), 2);
      assert.equal(store.storedEntry(asIndex(3)), undefined);
      assert.equal(store.initialState().hardState.term, 0);
      await writing;
      assert.deepEqual(all(store), dataOf([...plainEntries(1, 2, 1), ...plainEntries(3, 5, 2, 9)]));
      assert.equal(store.initialState().hardState.term, 2);
      await store.close();
    },
  },
  {
    name: "derived state is stored with the cycle: applied index, membership, producers",
    async run(harness) {
      let store = await harness.open();
      const state = (epoch: number): ProducerState => ({
        epoch,
        recent: [
          {
            sequence: 7,
            fingerprint: 2 ** 53 - 1,
            firstSeq: asSeq(1),
            lastSeq: asSeq(2),
            count: 2,
          },
        ],
        lastIndex: asIndex(2),
      });
      const membership = { ...SAMPLE_MEMBERSHIP, learners: [asMemberId(2 ** 48 + 1)] };
      await store.write(cycleOf({ entries: plainEntries(1, 3, 1), hardState: hardState(1, 1, 3) }));
      const update = {
        ...applied(2, [
          ["a", state(1)],
          ["ä€😀", state(2)],
        ]),
        membership,
      };
      await store.write(cycleOf({ applied: update }));
      await store.write(
        cycleOf({
          applied: applied(3, [
            ["a", undefined],
            ["never", undefined],
          ]),
        }),
      );
      for (let round = 0; round < 2; round++) {
        assert.equal(store.appliedIndex(), 3);
        assert.deepEqual(store.initialState().membership, membership);
        assert.deepEqual([...store.producers()], [["ä€😀", state(2)]]);
        await store.close();
        store = await harness.open();
      }
      await store.close();
    },
  },
  {
    name: "indexOfSeq finds the batch that holds a seq",
    async run(harness) {
      const store = await harness.open();
      const three = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
      const entries = [
        noopEntry(1, 1),
        batchEntry(2, 1, 1, three),
        noopEntry(3, 1),
        batchEntry(4, 1, 4, three),
      ];
      await store.write(cycleOf({ entries }));
      const found = [0, 1, 2, 3, 4, 5, 6, 7].map((seq): LogIndex | undefined =>
        store.indexOfSeq(asSeq(seq)),
      );
      assert.deepEqual(found, [2, 2, 2, 2, 4, 4, 4, undefined]);
      await store.close();
    },
  },
  {
    name: "reads copy out, and the writer's buffers may change afterwards",
    async run(harness) {
      const store = await harness.open();
      const entry = batchEntry(1, 1, 1, [new Uint8Array(100_000).fill(5)]);
      const mine: Entry = { ...entry, data: Uint8Array.from(entry.data) };
      await store.write(cycleOf({ entries: [mine] }));
      mine.data.fill(0);
      store.storedEntry(asIndex(1))?.entry.data.fill(0);
      store.headHash().fill(0);
      assert.deepEqual(all(store), dataOf([entry]));
      assert.equal(hex(store.headHash()), chainOf([entry]));
      await store.close();
    },
  },
  {
    name: "large and empty entries",
    async run(harness) {
      let store = await harness.open();
      const big = Uint8Array.from({ length: 3_000_000 }, (_, k) => k % 251);
      const entries = [
        noopEntry(1, 1),
        batchEntry(2, 1, 1, [big]),
        batchEntry(3, 1, 2, [new Uint8Array(0)]),
      ];
      await store.write(cycleOf({ entries }));
      await store.close();
      store = await harness.open();
      assert.equal(hex(store.headHash()), chainOf(entries));
      assert.deepEqual(all(store), dataOf(entries));
      assert.ok(store.diskBytes() >= big.length);
      await store.close();
    },
  },
  {
    name: "close waits for the write in the air, is idempotent, and ends all use",
    async run(harness) {
      let store = await harness.open();
      const writing = store.write(cycleOf({ entries: plainEntries(1, 2, 1) }));
      const closing = store.close();
      await writing;
      await closing;
      await store.close();
      assert.throws(() => store.lastIndex(), { code: "ERR_STORAGE_CLOSED" });
      await rejectsWith(store.write(cycleOf({})), "ERR_STORAGE_CLOSED");
      store = await harness.open();
      assert.equal(store.lastIndex(), 2);
      await store.close();
    },
  },
  ...[1, 2, 3].map(randomCyclesCase),
];
