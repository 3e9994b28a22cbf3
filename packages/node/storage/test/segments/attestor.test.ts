// Goal: the sidecar follows the log at a distance, however long the log grows, with one write at a time. Method: a sidecar that is flushed
// when the test says so, and states of a log that goes on meanwhile.
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import { asSeq, ZERO_HASH } from "@annals/record";
import { expect, it } from "vitest";
import { Attestor } from "../../src/segments/attestor.ts";
import type { SegmentState } from "../../src/segments/segmentState.ts";
import type { Attestation, Sidecar } from "../../src/segments/sidecar.ts";

const LAG = 512;

/** What the attestor uses of a sidecar. */
class HeldSidecar {
  attested: Attestation = {
    first: asIndex(1),
    last: asIndex(0),
    hash: ZERO_HASH,
    term: asTerm(1),
    votedFor: asMemberId(1),
  };
  writable = true;
  readonly writes: { readonly last: number; readonly flush: () => void }[] = [];

  write(attested: Attestation): Promise<void> {
    this.attested = attested;
    return new Promise((flush) => this.writes.push({ last: attested.last, flush }));
  }
}

function stateAt(index: number): SegmentState {
  const at = (last: number): SegmentState["head"] => {
    return { index: asIndex(last), term: asTerm(1), hash: ZERO_HASH, seq: asSeq(last) };
  };
  return {
    logId: 1,
    base: at(0),
    head: at(index),
    hardState: { term: asTerm(1), votedFor: asMemberId(1), commitIndex: asIndex(index) },
    appliedIndex: asIndex(index),
    membership: {
      voters: [asMemberId(1)],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    },
  };
}

it("is written again whenever the log has run so far ahead, and not while a write is in the air", async () => {
  const sidecar = new HeldSidecar();
  const attestor = new Attestor(sidecar as unknown as Sidecar, asIndex(1));
  const lasts = (): readonly number[] => sidecar.writes.map(({ last }) => last);
  attestor.catchUp(stateAt(LAG - 1));
  expect(lasts()).toEqual([]);
  for (let round = 1; round <= 3; round++) {
    attestor.catchUp(stateAt(round * LAG));
    attestor.catchUp(stateAt((round + 3) * LAG));
    expect(lasts()).toHaveLength(round);
    expect(lasts().at(-1)).toBe(round * LAG);
    sidecar.writes.at(-1)?.flush();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
});
