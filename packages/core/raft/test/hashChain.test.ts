// Goal: what travels of the hash chain, what is compared, and that no entry is hashed twice. Method: cores with a toy chain over storage in
// memory; the log's hashes against a plain walk over all entries.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asIndex, type Entry, type LogIndex } from "../src/types.ts";
import { type HashChain } from "../src/hashChain.ts";
import { type Message } from "../src/message.ts";
import { type StepRefusal } from "../src/outcome.ts";
import { RaftLog } from "../src/raftLog.ts";
import { TraceBuffer } from "../src/traceBuffer.ts";
import {
  ack,
  appendEntries,
  entriesOf,
  entry,
  heartbeat,
  Member,
  type MemberOptions,
} from "./support/member.ts";
import { MemoryLog } from "./support/memoryLog.ts";

const ZERO = new Uint8Array(4);

/** Four bytes that depend on everything that a real hash depends on. */
function toyHash(previous: Uint8Array, { index, term, kind, data }: Entry): Uint8Array {
  let hash = 0x811c9dc5;
  for (const byte of [...previous, index, term, kind.length, ...data])
    hash = Math.imul(hash ^ (byte & 0xff), 0x01000193) >>> 0;
  return Uint8Array.of(hash >>> 24, hash >>> 16, hash >>> 8, hash);
}

function hashOf(entries: readonly Entry[], index: number): Uint8Array {
  return entries.slice(0, index).reduce(toyHash, ZERO);
}

class CountingChain implements HashChain {
  /** Entries that were hashed. */
  hashed: number[] = [];
  reads = 0;
  stored: () => readonly Entry[] = () => [];

  chain(previous: Uint8Array, one: Entry): Uint8Array {
    this.hashed.push(one.index);
    return toyHash(previous, one);
  }

  hashAt(index: LogIndex): Uint8Array {
    this.reads += 1;
    return hashOf(this.stored(), index);
  }
}

function chained(options: MemberOptions = {}): {
  readonly member: Member;
  readonly chain: CountingChain;
} {
  const chain = new CountingChain();
  const member = new Member(1, { ...options, config: { ...options.config, chain } });
  chain.stored = () => member.log.all();
  return { member, chain };
}

// Keeps R42.
describe("the chain hash", () => {
  test("of the previous entry goes with every append, that of the commit index with every heartbeat", () => {
    const { member } = chained({ log: entriesOf(1, 1) });
    member.lead(2);
    member.receive(ack(2, 1, 2, 3));
    member.propose("x");
    const all = member.log.all();
    expect(all).toHaveLength(4);
    const sent = member.takeSent().filter(({ to }) => to === 2);
    expect(sent).toMatchObject([
      { kind: "appendEntries", prevLogIndex: 3, prevLogHash: hashOf(all, 3), entries: [] },
      { kind: "appendEntries", prevLogIndex: 3, prevLogHash: hashOf(all, 3) },
    ]);
    member.tick();
    expect(member.takeSent().filter(({ kind }) => kind === "heartbeat")).toMatchObject([
      { to: 2, commitIndex: 3, commitHash: hashOf(all, 3) },
      { to: 3, commitIndex: 0, commitHash: ZERO },
    ]);
  });

  test("is made once for each entry, and read from storage for none that is new", () => {
    const { member, chain } = chained();
    member.lead(2);
    for (const text of ["a", "b", "c"]) member.propose(text);
    for (const index of [1, 2, 3, 4]) member.receive(ack(2, 1, 1, index));
    member.tick(3);
    expect(chain.hashed).toEqual([1, 2, 3, 4]);
    // Before the first entry of all there is only what storage says.
    expect(chain.reads).toBe(1);
    expect(member.log.all().map(({ link }) => link?.hash)).toEqual(
      [1, 2, 3, 4].map((index) => hashOf(member.log.all(), index)),
    );
  });

  test("of an entry that a follower takes is its own, whatever the entry says", () => {
    const { member } = chained();
    const link = { previousHash: Uint8Array.of(1), hash: Uint8Array.of(2) };
    const prev = { index: 0, term: 0 };
    const message = appendEntries(2, 1, 1, prev, [{ ...entry(1, 1, "a"), link }]);
    member.receive({ ...message, prevLogHash: ZERO });
    expect(member.log.all().map((one) => one.link?.hash)).toEqual([
      toyHash(ZERO, entry(1, 1, "a")),
    ]);
  });
});

// Keeps R42.
describe("a history that differs is refused, and changes nothing", () => {
  const LOG = [entry(1, 1, "a"), entry(2, 2, "b"), entry(3, 3, "c")];
  const other = hashOf([entry(1, 1, "z"), ...LOG.slice(1)], 2);
  const at = (index: number, term: number) => ({ index, term });
  const cases: readonly (readonly [string, StepRefusal, Message])[] = [
    [
      "another hash at the previous entry",
      "historyDiffers",
      { ...appendEntries(2, 1, 5, at(2, 2), [entry(5, 3)]), prevLogHash: other },
    ],
    [
      "another hash at the previous entry, below the commit index",
      "historyDiffers",
      { ...appendEntries(2, 1, 5, at(1, 1)), prevLogHash: other },
    ],
    [
      "another hash at the end of the log, and nothing else",
      "historyDiffers",
      { ...appendEntries(2, 1, 4, at(3, 3)), prevLogHash: other },
    ],
    [
      "other bytes in an entry of the same term",
      "historyDiffers",
      {
        ...appendEntries(2, 1, 4, at(2, 2), [entry(3, 3, "z"), entry(4, 4)]),
        prevLogHash: hashOf(LOG, 2),
      },
    ],
    [
      "another hash at the commit index",
      "historyDiffers",
      { ...heartbeat(2, 1, 4, 2), commitHash: other },
    ],
    ["an append without a hash", "malformed", appendEntries(2, 1, 5, at(3, 3))],
    ["a heartbeat without a hash", "malformed", heartbeat(2, 1, 5, 2)],
  ];

  test.each(cases)("%s", (_, reason, message) => {
    const { member } = chained({ log: LOG, term: 4, commitIndex: 2 });
    member.settle();
    member.takeSent();
    const before = member.core.status();
    expect(member.core.step(message)).toEqual({ kind: "refused", reason });
    expect(member.core.hasReady()).toBe(false);
    expect(member.core.status()).toEqual(before);
    expect(member.log.all()).toEqual(LOG);
  });

  test("while equal ones are taken, late, repeated, or in the place of what was never committed", () => {
    const { member } = chained({ log: LOG, term: 4, commitIndex: 2 });
    const steps: readonly Message[] = [
      { ...appendEntries(2, 1, 4, at(1, 1), LOG.slice(1)), prevLogHash: hashOf(LOG, 1) },
      { ...appendEntries(2, 1, 4, at(2, 2), [entry(4, 3, "d")]), prevLogHash: hashOf(LOG, 2) },
      { ...heartbeat(2, 1, 4, 2), commitHash: hashOf(LOG, 2) },
      { ...appendEntries(2, 1, 3, at(3, 3)), prevLogHash: other },
    ];
    expect(steps.map((message) => member.core.step(message).kind)).toEqual(steps.map(() => "ok"));
    member.settle();
    const wanted = [...LOG.slice(0, 2), entry(4, 3, "d")];
    expect(member.log.all()).toMatchObject(wanted);
  });
});

// Keeps R42.
test("the log knows the hash of every entry, in memory or not, through any series of appends and flushes", () => {
  const step = fc.record({
    back: fc.nat({ max: 9 }),
    count: fc.integer({ min: 1, max: 90 }),
    flush: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const storage = new MemoryLog();
      const chain = new CountingChain();
      chain.stored = () => storage.all();
      const log = new RaftLog(storage, new TraceBuffer(), 1_000_000, chain);
      let all: Entry[] = [];
      for (const [k, { back, count, flush }] of steps.entries()) {
        all = all.slice(0, Math.max(0, all.length - back));
        const added = Array.from({ length: count }, (_, i) => entry(k + 1, all.length + 1 + i));
        log.append(added);
        all = [...all, ...added];
        if (flush) {
          storage.append(log.unstable.nextEntries());
          log.unstable.accept();
          log.stableTo(log.lastId());
        }
        let hash: Uint8Array = ZERO;
        for (const one of all) {
          hash = toyHash(hash, one);
          expect(log.hash(asIndex(one.index))).toEqual(hash);
        }
      }
    }),
    { numRuns: 40 },
  );
});
