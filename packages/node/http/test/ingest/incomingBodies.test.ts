// Goal: bodies that stand still give way to others, the longest idle first, and one that moves never does. Method: a clock of the test.
import { beforeEach, expect, test } from "vitest";
import { IncomingBodies } from "../../src/ingest/incomingBodies.ts";

let nowMs: number;
let bodies: IncomingBodies;
let room: number;
let gone: string[];

beforeEach(() => {
  nowMs = 0;
  room = 0;
  gone = [];
  bodies = new IncomingBodies(() => nowMs);
});

interface Body {
  bytes: number;
  heldUp: boolean;
  readonly received: () => void;
}

function body(name: string, log?: string): Body {
  const state = { bytes: 0, heldUp: false, received: (): void => {} };
  state.received = bodies.add({
    bytesRead: () => state.bytes,
    isHeldUp: () => state.heldUp,
    log,
    giveUp: (idleMs) => {
      gone.push(`${name} ${idleMs}`);
      room += 1;
    },
  });
  return state;
}

const need = (count: number, log?: string): boolean => bodies.makeRoom(() => room >= count, log);

test("nobody gives way while there is room, or for less than a second", () => {
  body("a");
  nowMs = 5000;
  expect(need(0)).toBe(true);
  body("b");
  nowMs = 5999;
  room = -1;
  expect(need(1)).toBe(false);
  expect(gone).toEqual(["a 5999"]);
});

test("as many give way as are needed, the longest idle first", () => {
  body("first");
  nowMs = 500;
  body("second");
  nowMs = 800;
  body("third");
  nowMs = 3000;
  expect(need(2)).toBe(true);
  expect(gone).toEqual(["first 3000", "second 2500"]);
});

test("one that moves, that waits for us, or that is here does not give way", () => {
  const moves = body("moves");
  const waits = body("waits");
  const here = body("here");
  waits.heldUp = true;
  here.received();
  nowMs = 900;
  moves.bytes = 1;
  expect(need(1)).toBe(false);
  nowMs = 1800;
  expect(need(1)).toBe(false);
  expect(gone).toEqual([]);
  // Neither has done anything since.
  waits.heldUp = false;
  nowMs = 2900;
  expect(need(2)).toBe(true);
  expect(gone).toHaveLength(2);
});

test("the room of a log is made among its own", () => {
  body("a", "audit");
  body("b", "orders");
  nowMs = 2000;
  expect(need(2, "audit")).toBe(false);
  expect(gone).toEqual(["a 2000"]);
  nowMs = 3000;
  expect(need(2)).toBe(true);
});

test("a search in vain is not repeated at once, however many ask", () => {
  let looks = 0;
  bodies.add({ bytesRead: () => ++looks, log: undefined, giveUp: () => {} });
  for (let k = 0; k < 1000; k++) expect(need(1)).toBe(false);
  expect(looks).toBeLessThan(5);
  nowMs = 100;
  expect(need(1)).toBe(false);
  expect(looks).toBeLessThan(6);
});

test("a search in vain among the bodies of one log keeps no other log from its own", () => {
  body("a", "audit");
  body("b", "orders");
  nowMs = 2000;
  expect(need(2, "audit")).toBe(false);
  expect(need(2, "orders")).toBe(true);
  expect(gone).toEqual(["a 2000", "b 2000"]);
});

test("nor does one among the bodies of one log keep the node from those of all", () => {
  const moves = body("moves", "audit");
  body("b", "orders");
  nowMs = 2000;
  moves.bytes = 1;
  expect(need(1, "audit")).toBe(false);
  expect(need(1)).toBe(true);
  expect(gone).toEqual(["b 2000"]);
});
