// Goal: several requests on their way, each once and in order, whatever overtakes what. Method: a server in memory that is as strict as the
// real one, behind a network that delays by random numbers of turns.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientError } from "../src/clientError.ts";
import { OrderedProducer } from "../src/orderedProducer.ts";
import type { SendAppend } from "../src/orderedProducer.ts";
import type { AppendReply, EncodedRecords } from "../src/types.ts";

const BODY: EncodedRecords = { contentType: "application/x-ndjson", bytes: new Uint8Array(0) };

async function turns(count: number): Promise<void> {
  for (let k = 0; k < count; k++) await new Promise((resolve) => setImmediate(resolve));
}

interface StrictServer {
  readonly stored: number[];
  inFlightMax: number;
  readonly send: SendAppend;
}

function strictServer(delays: readonly number[], failAt?: number): StrictServer {
  const stored: number[] = [];
  let inFlight = 0;
  let calls = 0;
  const server: StrictServer = {
    stored,
    inFlightMax: 0,
    send: async (_body, { sequence }): Promise<AppendReply> => {
      server.inFlightMax = Math.max(server.inFlightMax, ++inFlight);
      try {
        await turns(delays[calls++ % delays.length] ?? 0);
        if (sequence === failAt) throw new ClientError("ERR_DISK_FULL", "full");
        const next = stored.length + 1;
        if (sequence > next) {
          throw new ClientError(
            next === 1 ? "ERR_PRODUCER_UNKNOWN" : "ERR_PRODUCER_GAP",
            `next is ${next}`,
          );
        }
        if (sequence === next) stored.push(sequence);
        await turns(delays[calls % delays.length] ?? 0);
        return { firstSeq: sequence, lastSeq: sequence, count: 1, duplicate: sequence < next };
      } finally {
        inFlight--;
      }
    },
  };
  return server;
}

describe("OrderedProducer", () => {
  test("stores every request once and in order, within its window", async () => {
    const delays = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(delays, fc.integer({ min: 1, max: 8 }), async (waits, window) => {
        const server = strictServer(waits);
        const producer = new OrderedProducer(server.send, {
          id: "p",
          epoch: 1,
          nextSequence: 1,
          window,
        });
        const answers: Promise<AppendReply>[] = [];
        for (let k = 0; k < 20; k++) {
          await producer.ready();
          answers.push(producer.append(BODY));
        }
        await producer.drain();
        expect(server.stored).toEqual(Array.from({ length: 20 }, (_, k) => k + 1));
        expect((await Promise.all(answers)).map(({ firstSeq }) => firstSeq)).toEqual(server.stored);
        expect(server.inFlightMax).toBeLessThanOrEqual(window);
      }),
      { numRuns: 40 },
    );
  });

  test("stops at the first failure, and nothing after it is stored", async () => {
    const server = strictServer([0, 3, 1], 4);
    const producer = new OrderedProducer(server.send, {
      id: "p",
      epoch: 1,
      nextSequence: 1,
      window: 4,
    });
    const outcomes: Promise<string>[] = [];
    const appendAll = async (): Promise<void> => {
      for (let k = 0; k < 20; k++) {
        await producer.ready();
        outcomes.push(
          producer.append(BODY).then(
            () => "stored",
            (error: ClientError) => error.code,
          ),
        );
      }
    };
    await expect(appendAll()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    await expect(producer.drain()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    expect(server.stored).toEqual([1, 2, 3]);
    const settled = await Promise.all(outcomes);
    expect(settled.slice(0, 3)).toEqual(["stored", "stored", "stored"]);
    expect(settled.slice(3)).not.toContain("stored");
  });

  test("the first failure is the one that counts, whatever fails after it", async () => {
    const fail: ((error: ClientError) => void)[] = [];
    const send: SendAppend = () =>
      new Promise((_resolve, reject) => {
        fail.push(reject);
      });
    const producer = new OrderedProducer(send, { id: "p", epoch: 1, nextSequence: 1, window: 3 });
    const [one, two] = [producer.append(BODY), producer.append(BODY)];
    fail[1]?.(new ClientError("ERR_DISK_FULL", "first"));
    await expect(two).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    fail[0]?.(new ClientError("ERR_TIMEOUT", "second"));
    await expect(one).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
    await expect(producer.drain()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    await expect(producer.ready()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
  });

  test("a gap that no predecessor explains is an error", async () => {
    const server = strictServer([0]);
    const producer = new OrderedProducer(server.send, {
      id: "p",
      epoch: 1,
      nextSequence: 5,
      window: 2,
    });
    await expect(producer.append(BODY)).rejects.toMatchObject({ code: "ERR_PRODUCER_UNKNOWN" });
  });

  test.each([0, 17, 1.5])("a window of %d is refused", (window) => {
    const { send } = strictServer([0]);
    expect(() => new OrderedProducer(send, { id: "p", epoch: 1, nextSequence: 1, window })).toThrow(
      expect.objectContaining({ code: "ERR_CLIENT_OPTIONS" }),
    );
  });
});
