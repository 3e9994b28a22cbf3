// Goal: a damaged run is got back byte for byte or not at all; whoever lies, lacks entries or keeps silent delays it only.
// Method: peers are tables of entries; the wait between rounds is where the test changes the world.
import { createHash } from "node:crypto";
import { Backoff } from "@annals/flow";
import { asIndex, asTerm } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import { chainHash, ZERO_HASH } from "@annals/record";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RunRepair } from "../src/repair.ts";
import { witnessesNeeded } from "../src/witnesses.ts";
import type { RepairOutcome, RepairPage, RepairStatus } from "../src/repair.ts";

/** Every entry here is a command. */
const COMMAND = 3;

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function chain(previous: Uint8Array, entry: Entry): Uint8Array {
  const { index, term, data } = entry;
  return chainHash(sha256, previous, index, term, COMMAND, data);
}

function entryAt(index: number, salt = 0): Entry {
  const data = Uint8Array.of(index, salt);
  return { index: asIndex(index), term: asTerm(1), kind: "command", data };
}

function logOf(last: number, salt = 0): Entry[] {
  return Array.from({ length: last }, (_, k) => entryAt(k + 1, salt));
}

function hashAt(log: readonly Entry[], index: number): Uint8Array {
  return log.slice(0, index).reduce(chain, ZERO_HASH);
}

/** What a peer has, by index; its pages hold at most `page` entries and end before the first one that it lacks. */
interface Peer {
  readonly entries: ReadonlyMap<number, Entry>;
  readonly page: number;
  readonly commitIndex: number;
}

function peerWith(entries: readonly Entry[], page = 3, commitIndex = 1000): Peer {
  return { entries: new Map(entries.map((entry) => [entry.index, entry])), page, commitIndex };
}

function answer(peer: Peer, from: number, to: number): RepairPage | "unavailable" {
  const entries: Entry[] = [];
  for (let index = from; index <= to && entries.length < peer.page; index++) {
    const entry = peer.entries.get(index);
    if (entry === undefined) break;
    entries.push(entry);
  }
  if (entries.length === 0) return "unavailable";
  return { entries, commitIndex: asIndex(peer.commitIndex) };
}

interface Setup {
  readonly truth: readonly Entry[];
  readonly from: number;
  readonly to: number;
  readonly peers: Peer[];
  readonly commitIndex?: number;
  readonly fetch?: (peer: Peer, from: number, to: number) => RepairPage | "unavailable";
  readonly onProgress?: () => void;
  /** Called when the repair waits; by default the second wait for the same index stops it. */
  readonly onWait?: (repair: RunRepair<Peer>) => void;
}

interface Result {
  readonly outcome: RepairOutcome;
  readonly committed: readonly Entry[] | undefined;
  readonly missing: readonly (readonly [number, number])[];
  readonly status: RepairStatus;
}

async function run(setup: Setup): Promise<Result> {
  let staged: Entry[] = [];
  let committed: readonly Entry[] | undefined;
  const missing: (readonly [number, number])[] = [];
  const ask = setup.fetch ?? answer;
  const repair: RunRepair<Peer> = new RunRepair<Peer>({
    run: {
      from: asIndex(setup.from),
      to: asIndex(setup.to),
      before: hashAt(setup.truth, setup.from - 1),
      hash: hashAt(setup.truth, setup.to),
    },
    commitIndex: asIndex(setup.commitIndex ?? setup.to),
    witnessesNeeded: () => witnessesNeeded(setup.peers.length),
    peers: () => setup.peers,
    fetch: async (peer, from, to) => ask(peer, from, to),
    sink: {
      write: async (entries) => {
        expect(committed).toBeUndefined();
        staged.push(...entries);
      },
      commit: async () => {
        committed = staged;
      },
      discard: async () => {
        staged = [];
      },
    },
    chain,
    wait: async () => {
      if (setup.onWait !== undefined) setup.onWait(repair);
      else if (repair.status().vainRounds > 3) repair.stop();
    },
    backoff: { nextMs: () => 1, progress: () => setup.onProgress?.() },
    onMissing: (from: LogIndex, to: LogIndex) => missing.push([from, to]),
  });
  const outcome = await repair.run();
  return { outcome, committed, missing, status: repair.status() };
}

const TRUTH = logOf(20);

describe("the repair of a run", () => {
  // Keeps L28.
  it("takes pages from the first peer that has them, in order", async () => {
    const { outcome, committed, status } = await run({
      truth: TRUTH,
      from: 5,
      to: 14,
      peers: [peerWith([]), peerWith(TRUTH)],
    });
    expect(outcome).toBe("repaired");
    expect(committed).toEqual(TRUTH.slice(4, 14));
    expect(status).toMatchObject({ fetched: 10, mismatches: 0, vainRounds: 0, missing: false });
  });

  // Keeps L28.
  it("is stitched from peers that are damaged in different places", async () => {
    const { outcome, committed } = await run({
      truth: TRUTH,
      from: 1,
      to: 20,
      peers: [
        peerWith(TRUTH.filter(({ index }) => index % 3 !== 0)),
        peerWith(TRUTH.filter(({ index }) => index % 3 !== 1)),
      ],
    });
    expect(outcome).toBe("repaired");
    expect(committed).toEqual(TRUTH);
  });

  // Keeps L28.
  it("discards what does not end in the right hash, and does without whoever sent it", async () => {
    const forged = TRUTH.map((entry) => (entry.index === 9 ? entryAt(9, 1) : entry));
    const { outcome, committed, status } = await run({
      truth: TRUTH,
      from: 8,
      to: 12,
      peers: [peerWith(forged), peerWith(TRUTH)],
      onWait: () => {},
    });
    expect(outcome).toBe("repaired");
    expect(committed).toEqual(TRUTH.slice(7, 12));
    expect(status.mismatches).toBe(1);
  });

  // Keeps L28.
  it("finds the one among several sources that was wrong", async () => {
    const forgedHead = [entryAt(5, 1), entryAt(6, 1)];
    const { outcome, committed } = await run({
      truth: TRUTH,
      from: 5,
      to: 10,
      peers: [peerWith(forgedHead), peerWith(TRUTH.slice(6)), peerWith(TRUTH)],
      onWait: () => {},
    });
    expect(outcome).toBe("repaired");
    expect(committed).toEqual(TRUTH.slice(4, 10));
  });

  // Keeps L28.
  it("takes for no answer what was not asked for", async () => {
    const wrong: readonly ((page: RepairPage) => readonly Entry[])[] = [
      () => [],
      () => [entryAt(1)],
      (page) => page.entries.filter((_, k) => k !== 1),
      () => TRUTH.slice(4),
    ];
    for (const change of wrong) {
      const liar = peerWith(TRUTH);
      const { outcome, committed } = await run({
        truth: TRUTH,
        from: 5,
        to: 10,
        peers: [liar, peerWith(TRUTH)],
        fetch: (peer, from, to) => {
          const page = answer(peer, from, to);
          return peer === liar && page !== "unavailable"
            ? { ...page, entries: change(page) }
            : page;
        },
      });
      expect(outcome).toBe("repaired");
      expect(committed).toEqual(TRUTH.slice(4, 10));
    }
  });

  // Keeps L29.
  it("names what nobody has, once, and goes on until somebody comes back", async () => {
    const peers = [peerWith(TRUTH.slice(0, 6))];
    const { outcome, committed, missing, status } = await run({
      truth: TRUTH,
      from: 5,
      to: 10,
      peers,
      onWait: (repair) => {
        expect(repair.status()).toMatchObject({ missing: true, next: 7 });
        if (repair.status().vainRounds === 5) peers.push(peerWith(TRUTH));
      },
    });
    expect(outcome).toBe("repaired");
    expect(committed).toEqual(TRUTH.slice(4, 10));
    expect(missing).toEqual([[7, 10]]);
    expect(status).toMatchObject({ vainRounds: 5, missing: false });
  });

  // Keeps L29.
  it("stops when it is told to, also while a peer keeps silent, and nothing has changed", async () => {
    let asked: () => void = () => {};
    const silent = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const repair = new RunRepair<string>({
      run: { from: asIndex(1), to: asIndex(2), before: ZERO_HASH, hash: hashAt(TRUTH, 2) },
      commitIndex: asIndex(2),
      witnessesNeeded: () => 2,
      peers: () => ["silent"],
      fetch: () => {
        asked();
        return new Promise(() => {});
      },
      sink: {
        write: () => Promise.reject(new Error("written")),
        commit: () => Promise.reject(new Error("committed")),
        discard: () => Promise.resolve(),
      },
      chain,
      wait: () => new Promise(() => {}),
      backoff: new Backoff({ initialMs: 1, maxMs: 1, randomBelow: () => 0 }),
      onMissing: () => {},
    });
    const done = repair.run();
    await silent;
    repair.stop();
    expect(await done).toBe("stopped");
  });

  describe("of entries that were not committed here", () => {
    const OTHERS = [...TRUTH.slice(0, 9), ...logOf(20, 1).slice(9)];
    const setup = { truth: TRUTH, from: 8, to: 12, commitIndex: 9 };
    const stopAfter =
      (mismatches: number) =>
      (repair: RunRepair<Peer>): void => {
        if (repair.status().mismatches >= mismatches) repair.stop();
      };

    // Keeps L30.
    it("calls them superseded when a majority without this node has committed the same others", async () => {
      for (const [members, away] of [
        [3, 0],
        [4, 0],
        [5, 0],
        [5, 1],
        [7, 2],
      ] as const) {
        const peers = Array.from({ length: members - 1 }, (_, k) =>
          k < away ? peerWith([]) : peerWith(OTHERS, 3, 12),
        );
        const { outcome, committed, status } = await run({ ...setup, peers, onWait: () => {} });
        expect(outcome).toBe("superseded");
        expect(committed).toBeUndefined();
        expect(status.witnesses).toBe(witnessesNeeded(members - 1));
      }
    });

    // Keeps L30.
    it("waits while there are fewer, however often they say it", async () => {
      for (const [members, away] of [
        [2, 0],
        [3, 1],
        [4, 1],
        [5, 2],
      ] as const) {
        const peers = Array.from({ length: members - 1 }, (_, k) =>
          k < away ? peerWith([]) : peerWith(OTHERS, 3, 12),
        );
        const { outcome, status } = await run({ ...setup, peers, onWait: stopAfter(6) });
        expect(outcome).toBe("stopped");
        expect(status.witnesses).toBe(members - 1 - away);
      }
    });

    // Keeps L30.
    it("is not deceived by one mistaken peer, and repairs when somebody has them", async () => {
      const peers = [peerWith(OTHERS, 3, 12), peerWith([]), peerWith([]), peerWith([])];
      const { outcome, committed } = await run({
        ...setup,
        peers,
        onWait: (repair) => {
          if (repair.status().mismatches === 3) peers[1] = peerWith(TRUTH, 3, 12);
        },
      });
      expect(outcome).toBe("repaired");
      expect(committed).toEqual(TRUTH.slice(7, 12));
    });

    // Keeps L30.
    it("counts no peers that differ, nor what is stitched from several", async () => {
      const again = [...TRUTH.slice(0, 9), ...logOf(20, 2).slice(9)];
      const differing = [peerWith(OTHERS, 3, 12), peerWith(again, 3, 12)];
      const halves = [
        peerWith(OTHERS.slice(0, 10), 3, 12),
        peerWith(OTHERS.slice(10), 3, 12),
        peerWith(OTHERS.slice(10), 3, 12),
      ];
      for (const peers of [differing, halves]) {
        const { outcome } = await run({ ...setup, peers, onWait: stopAfter(6) });
        expect(outcome).toBe("stopped");
      }
    });

    // Keeps L30.
    it("calls nothing superseded that is committed here, or not committed there", async () => {
      for (const [ownCommit, peerCommit] of [
        [9, 11],
        [12, 12],
      ] as const) {
        const peers = [peerWith(OTHERS, 3, peerCommit), peerWith(OTHERS, 3, peerCommit)];
        const { outcome, committed } = await run({
          ...setup,
          commitIndex: ownCommit,
          peers,
          onWait: stopAfter(6),
        });
        expect(outcome).toBe("stopped");
        expect(committed).toBeUndefined();
      }
    });

    it("asks more and more seldom while nothing new comes", async () => {
      let progress = 0;
      let waits = 0;
      await run({
        ...setup,
        peers: [peerWith(OTHERS, 3, 12), peerWith([])],
        onProgress: () => {
          progress += 1;
        },
        onWait: (repair) => {
          waits += 1;
          if (waits === 10) repair.stop();
        },
      });
      expect(progress).toBe(2);
    });
  });

  // Keeps L28, L29.
  it("succeeds exactly when somebody has each entry", async () => {
    const holes = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(holes, fc.integer({ min: 1, max: 6 })), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 19 }),
        async (shapes, from, length) => {
          const to = Math.min(20, from + length);
          const peers = shapes.map(([lost, page]) =>
            peerWith(
              TRUTH.filter(({ index }) => !lost.includes(index)),
              page,
            ),
          );
          const lost = TRUTH.filter(
            ({ index }) =>
              index >= from && index <= to && !peers.some((peer) => peer.entries.has(index)),
          );
          const { outcome, committed, missing } = await run({ truth: TRUTH, from, to, peers });
          expect(outcome).toBe(lost.length === 0 ? "repaired" : "stopped");
          expect(committed).toEqual(lost.length === 0 ? TRUTH.slice(from - 1, to) : undefined);
          expect(missing).toEqual(lost.length === 0 ? [] : [[lost[0]?.index, to]]);
        },
      ),
      { numRuns: 200 },
    );
  });
});
