/**
 * Goal: an answer belongs to its question, and every question is answered, by silence and refusal, too. Method: a repair link against an
 * accepting link on a real loopback socket, whose handler the test plays.
 */
import { asIndex, asTerm } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { decodeFrame, encodeFrame } from "@annals/wire";
import type { FetchFrame, Frame } from "@annals/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RepairLink } from "../src/repairLink.ts";
import { Loopback, WELCOME } from "./loopback.ts";

let peer: Loopback;
let link: RepairLink;
/** What the peer does with a question; undefined refuses the handshake. */
let answer: ((frame: FetchFrame) => readonly Frame[]) | undefined;

function page(from: number): Frame {
  const data = Uint8Array.of(from);
  const entry = { index: asIndex(from), term: asTerm(1), kind: "command", data } as const;
  return {
    kind: "page",
    from: asIndex(from),
    commitIndex: asIndex(9),
    leads: asTerm(0),
    entries: [entry],
  };
}

beforeEach(async () => {
  answer = (frame) => [page(frame.from)];
  peer = await Loopback.start({
    handler: (accepted) => {
      if (answer === undefined) throw new AnnalsError("ERR_PEER_RETIRED", "retired");
      return {
        greeting: [WELCOME],
        onBytes: (bytes) => {
          const frame = decodeFrame(bytes);
          if (frame.kind !== "fetch") throw new AnnalsError("ERR_FRAME_UNEXPECTED", frame.kind);
          for (const one of answer?.(frame) ?? []) accepted.send(encodeFrame(one));
          accepted.release(bytes.length);
        },
        onClose: () => {},
      };
    },
  });
  link = dial();
});

afterEach(async () => {
  link.close();
  await peer.close();
});

function dial(answerTimeoutMs = 2000): RepairLink {
  return new RepairLink({ ...peer.dialling("repair"), answerTimeoutMs });
}

describe("a repair link", () => {
  it("asks as soon as it is open, and again", async () => {
    expect(await link.fetch(asIndex(3), asIndex(5))).toMatchObject({ from: 3, commitIndex: 9 });
    expect(await link.fetch(asIndex(4), asIndex(5))).toMatchObject({ from: 4 });
  });

  it("takes no answer to another question", async () => {
    answer = (frame) => [page(frame.from + 1), page(frame.from)];
    expect(await link.fetch(asIndex(3), asIndex(5))).toMatchObject({ from: 3 });
  });

  it("gives up on silence, a refusal and its own end", async () => {
    link.close();
    link = dial(20);
    answer = () => [];
    expect(await link.fetch(asIndex(3), asIndex(5))).toBeUndefined();
    answer = undefined;
    expect(await link.fetch(asIndex(3), asIndex(5))).toBeUndefined();
    answer = () => [];
    link.close();
    link = dial();
    const asked = link.fetch(asIndex(3), asIndex(5));
    link.close();
    expect(await asked).toBeUndefined();
    expect(await link.fetch(asIndex(3), asIndex(5))).toBeUndefined();
  });

  it("asks again after it was silent once", async () => {
    link.close();
    link = dial(50);
    answer = () => [];
    expect(await link.fetch(asIndex(3), asIndex(5))).toBeUndefined();
    answer = (frame) => [page(frame.from)];
    let found = await link.fetch(asIndex(3), asIndex(5));
    while (found === undefined) found = await link.fetch(asIndex(3), asIndex(5));
    expect(found.from).toBe(3);
  });
});
