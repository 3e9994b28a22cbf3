// Goal: the drive counts what it was told, and a carrier that stalls does not move when requests were due. Method: carriers without a network.
import { describe, expect, test } from "vitest";
import { Drive } from "../src/load/drive.ts";
import type { DriveResult, Pace } from "../src/load/drive.ts";
import type { Carrier, OnSettled } from "../src/load/carrier.ts";
import type { Outcome } from "../src/load/outcome.ts";

const ACCEPTED: Outcome = { kind: "accepted", firstSeq: 1, count: 3 };

/** Answers in the next turn, in order, but for those that `hold` keeps until they are let go. */
class ScriptedCarrier implements Carrier {
  readonly slots: number;
  readonly answers: (k: number) => Outcome;
  sent = 0;
  closed = 0;
  held: (() => void)[] | undefined;
  #onSettled: OnSettled = () => undefined;

  constructor(slots: number, answers: (k: number) => Outcome = () => ACCEPTED) {
    this.slots = slots;
    this.answers = answers;
  }

  open(onSettled: OnSettled): Promise<void> {
    this.#onSettled = onSettled;
    return Promise.resolve();
  }

  send(slot: number): void {
    const outcome = this.answers(this.sent++);
    const answer = (): void => this.#onSettled(slot, outcome);
    if (this.held === undefined) setImmediate(answer);
    else this.held.push(answer);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

interface Run extends DriveResult {
  readonly dues: readonly number[];
}

async function drive(
  carriers: readonly Carrier[],
  pace: Pace,
  onWindow: (edge: "begin" | "end") => void = () => undefined,
): Promise<Run> {
  const dues: number[] = [];
  const result = await new Drive({
    carriers,
    pace,
    warmUpMs: 20,
    durationMs: 120,
    signal: new AbortController().signal,
    onWindow,
    onAccepted: (_outcome, dueMs) => dues.push(dueMs),
  }).run();
  return { ...result, dues };
}

describe("closed loop", () => {
  test("every slot is busy, all carriers are closed, records are counted", async () => {
    const carriers = [new ScriptedCarrier(2), new ScriptedCarrier(3)];
    const result = await drive(carriers, { kind: "closed" });
    expect(carriers.map(({ closed }) => closed)).toEqual([1, 1]);
    for (const { sent, slots } of carriers) expect(sent).toBeGreaterThan(slots);
    expect(result.records).toBe(3 * result.requests);
    expect(result.requests).toBeGreaterThan(0);
    expect(result.unsent).toBe(0);
  });

  test("what is not accepted is counted by code, and not as a latency", async () => {
    const refused: Outcome = { kind: "refused", code: "ERR_OVERLOADED" };
    const carrier = new ScriptedCarrier(1, (k) => (k % 2 === 0 ? ACCEPTED : refused));
    const result = await drive([carrier], { kind: "closed" });
    expect(Object.keys(result.others)).toEqual(["ERR_OVERLOADED"]);
    expect(result.latency.count).toBe(result.dues.length);
  });
});

describe("open loop", () => {
  test("after a stall of the carrier, requests count from when they were due, evenly", async () => {
    const carrier = new ScriptedCarrier(4);
    const pace = { kind: "open", requestsPerSecond: 500 } as const;
    const result = await drive([carrier], pace, (edge) => {
      if (edge === "end") return;
      carrier.held = [];
      setTimeout(() => {
        const held = carrier.held ?? [];
        carrier.held = undefined;
        for (const answer of held) answer();
      }, 40);
    });
    const gaps = result.dues.slice(1).map((due, k) => due - (result.dues[k] ?? 0));
    for (const gap of gaps) expect(gap).toBeCloseTo(2, 6);
    expect(result.dues.length).toBeGreaterThan(20);
  });

  test("a carrier that answers nothing: what was due and not sent is told", async () => {
    const carrier = new ScriptedCarrier(2);
    carrier.held = [];
    const pace = { kind: "open", requestsPerSecond: 1000 } as const;
    const result = await drive([carrier], pace, (edge) => {
      if (edge === "end") setTimeout(() => carrier.held?.forEach((answer) => answer()), 1);
    });
    expect(carrier.sent).toBe(2);
    expect(result.unsent).toBe(140 - 2);
  });
});

test("the signal ends it", async () => {
  const carrier = new ScriptedCarrier(1);
  const abort = new AbortController();
  const run = new Drive({
    carriers: [carrier],
    pace: { kind: "closed" },
    warmUpMs: 0,
    durationMs: 60_000,
    signal: abort.signal,
    onProgress: () => abort.abort(),
  }).run();
  await expect(run).rejects.toThrow("aborted");
  expect(carrier.closed).toBe(1);
});
