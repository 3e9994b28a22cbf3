// Goal: single records go out in few requests, each record once and in order, within bounded memory, and whoever waits is told. Method: a
// server in memory that is as strict as the real one and answers when the test says so.
import { expect, test } from "vitest";
import { drain, RecordScanner, RECORD_LIMITS } from "@annals/record";
import { ClientError } from "../src/clientError.ts";
import { LogWriter } from "../src/logWriter.ts";
import type { SendAppend } from "../src/orderedProducer.ts";
import type { AuditRecord } from "../src/types.ts";

const record = (k: number): AuditRecord => ({ actor: { id: "a" }, action: `do-${k}` });

function countRecords(body: Uint8Array): number {
  return drain(new RecordScanner(RECORD_LIMITS).scanBody(body)).length - 1;
}

/** Records of each request that was stored. Answers only while `open`; `fail` may refuse a request. */
class StrictServer {
  readonly batches: number[] = [];
  fail: (call: number) => ClientError | undefined = () => undefined;
  #gate = Promise.withResolvers<void>();
  #calls = 0;
  #epoch = 0;
  #sequence = 0;
  #records = 0;

  open(): void {
    this.#gate.resolve();
  }

  shut(): void {
    this.#gate = Promise.withResolvers();
  }

  readonly send: SendAppend = async ({ bytes }, { epoch, sequence }, signal) => {
    const call = this.#calls++;
    const aborted = new Promise<never>((_, reject) => {
      const stop = (): void => reject(new ClientError("ERR_ABORTED", "aborted"));
      if (signal?.aborted === true) stop();
      else signal?.addEventListener("abort", stop);
    });
    await Promise.race([this.#gate.promise, aborted]);
    const failure = this.fail(call);
    if (failure !== undefined) throw failure;
    const next = epoch > this.#epoch ? 1 : this.#sequence + 1;
    if (epoch < this.#epoch || sequence !== next)
      throw new ClientError("ERR_PRODUCER_GAP", `next is ${next} in epoch ${this.#epoch}`);
    this.#epoch = epoch;
    this.#sequence = sequence;
    const count = countRecords(bytes);
    this.batches.push(count);
    const firstSeq = this.#records + 1;
    this.#records += count;
    return { firstSeq, lastSeq: this.#records, count, duplicate: false };
  };
}

function opened(): StrictServer {
  const server = new StrictServer();
  server.open();
  return server;
}

test("what is appended in one turn is one request, and each record learns its seq", async () => {
  const server = opened();
  const writer = new LogWriter(server.send);
  const replies = await Promise.all([1, 2, 3].map((k) => writer.append(record(k))));
  expect(replies).toEqual([{ seq: 1 }, { seq: 2 }, { seq: 3 }]);
  expect(server.batches).toEqual([3]);
  expect(await writer.append(record(4))).toEqual({ seq: 4 });
});

test("keeps to its caps on a request, at their smallest too", async () => {
  for (const [options, batches] of [
    [{ maxBatchRecords: 1 }, [1, 1, 1, 1, 1]],
    [{ maxBatchRecords: 2 }, [2, 2, 1]],
    [{ maxBatchBytes: 1 }, [1, 1, 1, 1, 1]],
    [{ maxBatchRecords: 2, window: 1 }, [2, 2, 1]],
  ] as const) {
    const server = opened();
    const writer = new LogWriter(server.send, options);
    await Promise.all([1, 2, 3, 4, 5].map((k) => writer.append(record(k))));
    expect(server.batches).toEqual(batches);
  }
  expect(() => new LogWriter(opened().send, { window: 0 })).toThrow(
    expect.objectContaining({ code: "ERR_CLIENT_OPTIONS" }),
  );
});

test("while the window is full, records gather", async () => {
  const server = new StrictServer();
  const writer = new LogWriter(server.send, { window: 1 });
  const first = writer.append(record(0));
  await new Promise((resolve) => setImmediate(resolve));
  const rest = Array.from({ length: 40 }, (_, k) => writer.append(record(k)));
  server.open();
  await Promise.all([first, ...rest]);
  expect(server.batches).toEqual([1, 40]);
});

test("lingers for others, and not when somebody flushes", async () => {
  const server = opened();
  const writer = new LogWriter(server.send, { lingerMs: 1_000_000, maxBatchRecords: 3 });
  const full = [1, 2, 3].map((k) => writer.append(record(k)));
  await Promise.all(full);
  void writer.append(record(4));
  await writer.flush();
  expect(server.batches).toEqual([3, 1]);
});

test("refuses beyond its cap, tells when there is room, and holds nothing afterwards", async () => {
  const server = new StrictServer();
  const writer = new LogWriter(server.send, { maxPendingBytes: 1 });
  const first = writer.append(record(1));
  await expect(writer.append(record(2))).rejects.toMatchObject({ code: "ERR_WRITER_FULL" });
  let roomy = false;
  const ready = writer.ready().then(() => (roomy = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(roomy).toBe(false);
  server.open();
  await Promise.all([first, ready]);
  expect(writer.pendingBytes).toBe(0);
  expect(await writer.append(record(2))).toEqual({ seq: 2 });
});

test("a list is no record: none of it is dropped without a word", async () => {
  const writer = new LogWriter(opened().send);
  const list = [record(1), record(2)] as unknown as AuditRecord;
  await expect(writer.append(list)).rejects.toMatchObject({
    name: "ClientError",
    code: "ERR_RECORD_FIELD_TYPE",
    notAccepted: true,
  });
  expect(writer.pendingBytes).toBe(0);
});

test("a bad record is refused by itself", async () => {
  const writer = new LogWriter(opened().send);
  const good = writer.append(record(1));
  const bad = writer.append({ actor: { id: "" }, action: "x" });
  await expect(bad).rejects.toMatchObject({ code: "ERR_RECORD_FIELD_VALUE" });
  expect(await good).toEqual({ seq: 1 });
});

test("a request that fails fails those behind it, and what waits goes on in a new epoch", async () => {
  const server = new StrictServer();
  const writer = new LogWriter(server.send, { maxBatchRecords: 1, window: 2 });
  server.fail = (call) => (call === 1 ? new ClientError("ERR_DISK_FULL", "full") : undefined);
  const outcomes = Promise.allSettled([1, 2, 3, 4, 5].map((k) => writer.append(record(k))));
  server.open();
  const statuses = (await outcomes).map(({ status }) => status);
  expect(statuses[0]).toBe("fulfilled");
  expect(statuses[1]).toBe("rejected");
  expect(statuses.at(-1)).toBe("fulfilled");
  expect(server.batches.length).toBe(statuses.filter((status) => status === "fulfilled").length);
  expect(writer.pendingBytes).toBe(0);
});

test.each([
  ["a node that has not seen the last epoch yet", 1, [1, 2, 3]],
  ["a log in which others have used epochs meanwhile", 7, [1, 7, 8]],
])(
  "each failure is followed by an epoch that was never used: %s",
  async (_who, later, expected) => {
    const epochs = new Set<number>();
    const send: SendAppend = (_body, { epoch, sequence }) => {
      epochs.add(epoch);
      expect(sequence).toBe(1);
      return Promise.reject(new ClientError("ERR_DISK_FULL", "full"));
    };
    const askEpoch = async (): Promise<number> => (epochs.size === 0 ? 1 : later);
    const writer = new LogWriter(send, { window: 1 }, askEpoch);
    for (const k of [1, 2, 3])
      await expect(writer.append(record(k))).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    expect([...epochs]).toEqual(expected);
  },
);

test("what had failed before the close is not named again", async () => {
  const server = opened();
  server.fail = (call) => (call === 0 ? new ClientError("ERR_DISK_FULL", "full") : undefined);
  const writer = new LogWriter(server.send, { maxBatchRecords: 1, window: 1 });
  await expect(writer.append(record(1))).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
  await writer.append(record(2));
  expect(await writer.close()).toEqual({ acknowledged: 1, unacknowledged: [] });
});

test("close flushes, refuses what comes, and names what was not acknowledged in time", async () => {
  const calm = new LogWriter(opened().send, { lingerMs: 1_000_000 });
  const kept = calm.append(record(1));
  expect(await calm.close()).toEqual({ acknowledged: 1, unacknowledged: [] });
  expect(await kept).toEqual({ seq: 1 });
  await expect(calm.append(record(2))).rejects.toMatchObject({ code: "ERR_CLIENT_CLOSED" });

  const stuck = new LogWriter(new StrictServer().send, { maxBatchRecords: 1, window: 1 });
  const lost = [1, 2].map((k) => stuck.append(record(k)));
  const settled = Promise.allSettled(lost);
  const summary = await stuck.close({ timeoutMs: 1 });
  expect(summary).toEqual({ acknowledged: 0, unacknowledged: [record(1), record(2)] });
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await stuck.close()).toBe(summary);
});
