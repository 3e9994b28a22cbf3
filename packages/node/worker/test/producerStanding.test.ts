/** Goal: where a producer stands is its latest request, and a stamp is known only with its epoch. Method: the table of a replica. */
import { asIndex } from "@annals/raft";
import { asSeq } from "@annals/record";
import { ProducerTable } from "@annals/replica";
import type { ProducerState, Replica } from "@annals/replica";
import { expect, it, test } from "vitest";
import { isKnown, producerStanding } from "../src/producerStanding.ts";

const answer = (sequence: number, firstSeq: number, lastSeq: number) => ({
  sequence,
  firstSeq: asSeq(firstSeq),
  lastSeq: asSeq(lastSeq),
  fingerprint: 0,
});

function replicaWith(states: readonly (readonly [string, ProducerState])[]): Replica {
  return { producers: new ProducerTable(10, new Map(states)) } as unknown as Replica;
}

const STATE = {
  epoch: 4,
  lastIndex: asIndex(9),
  recent: [answer(7, 20, 22), answer(8, 23, 29)],
} as unknown as ProducerState;

it("tells the latest request and what it was given", () => {
  expect(producerStanding(replicaWith([["p", STATE]]), "p")).toEqual({
    latest: { id: "p", epoch: 4, sequence: 8, firstSeq: 23, lastSeq: 29 },
    nextEpoch: 5,
  });
});

it("tells the first epoch of a producer that it does not know", () => {
  const { latest, nextEpoch } = producerStanding(replicaWith([["p", STATE]]), "q");
  expect(latest).toBeUndefined();
  expect(nextEpoch).toBeGreaterThanOrEqual(1);
});

test.each([
  ["the latest request", { id: "p", epoch: 4, sequence: 8 }, true],
  ["one before", { id: "p", epoch: 4, sequence: 7 }, true],
  ["one that is forgotten", { id: "p", epoch: 4, sequence: 6 }, false],
  ["one to come", { id: "p", epoch: 4, sequence: 9 }, false],
  ["another epoch", { id: "p", epoch: 5, sequence: 8 }, false],
  ["another producer", { id: "q", epoch: 4, sequence: 8 }, false],
])("known: %s", (_what, stamp, known) => {
  expect(isKnown(replicaWith([["p", STATE]]), stamp)).toBe(known);
});
