// Goal: a stream gives credit back by halves, and gives a node up that owes a word and says none. Method: a socket in memory, whose other end
// the test plays.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RecordStream } from "../src/recordStream.ts";
import { globalTransport } from "../src/transport.ts";

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static last: FakeSocket | undefined;
  readyState = FakeSocket.OPEN;
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | undefined;

  readonly url: string;
  readonly protocol: string;

  constructor(url: string, protocol: string) {
    super();
    this.url = url;
    this.protocol = protocol;
    FakeSocket.last = this;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code: number): void {
    this.closedWith = code;
  }

  say(head: Record<string, unknown>, body = ""): void {
    const data = body === "" ? JSON.stringify(head) : `${JSON.stringify(head)}\n${body}`;
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  records(from: number, to: number): void {
    const seqs = Array.from({ length: to - from + 1 }, (_, k) => from + k);
    this.say({ kind: "records", id: 1, from, to }, seqs.map((seq) => `{"seq":${seq}}\n`).join(""));
  }

  found(nothingUpTo: number): void {
    this.say({ kind: "records", id: 1, to: nothingUpTo });
  }
}

const SILENCE_MS = 1000;
let socket: FakeSocket;
let stream: RecordStream;

function begin(maxRecords: number, maxBytes: number): void {
  stream = new RecordStream({
    url: "http://a:1",
    request: { kind: "subscribe", log: "audit" },
    maxRecords,
    maxBytes,
    silenceMs: SILENCE_MS,
    wideNumbers: "exact",
    transport: globalTransport(),
  });
  if (FakeSocket.last === undefined) throw new Error("no socket");
  socket = FakeSocket.last;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  stream.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("asks for as much as both take, and gives it back by halves", async () => {
  begin(10, 10_000);
  expect([socket.url, socket.protocol]).toEqual(["ws://a:1/v1/stream", "annals.v1.json"]);
  expect(socket.sent).toEqual([]);
  socket.say({ kind: "open", maxUnacked: 8 });
  expect(socket.sent).toEqual([
    { id: 1, kind: "subscribe", log: "audit", records: 8, bytes: 10_000 },
  ]);
  const taken: unknown[] = [];
  for (const [from, to] of [
    [1, 3],
    [4, 4],
    [5, 8],
  ] as const) {
    socket.records(from, to);
    const delivery = await stream.next();
    expect([delivery.records.length, delivery.to]).toEqual([to - from + 1, to]);
    stream.took(delivery);
    taken.push(
      socket.sent.slice(1).map(({ kind, seq, records, bytes }) => [kind, seq ?? records, bytes]),
    );
  }
  // Each record is a line of ten bytes.
  const [first, second] = [
    [
      ["ack", 4, undefined],
      ["credit", 4, 40],
    ],
    [
      ["ack", 8, undefined],
      ["credit", 4, 40],
    ],
  ] as const;
  expect(taken).toEqual([[], first, [...first, ...second]]);
});

test.each([
  ["half of its bytes were taken", 10, 20, 1],
  ["less than half of both was", 10, 21, 0],
])("credit goes back when %s", async (_what, maxRecords, maxBytes, times) => {
  begin(maxRecords, maxBytes);
  socket.say({ kind: "open", maxUnacked: 100 });
  socket.records(1, 1);
  stream.took(await stream.next());
  expect(socket.sent.filter(({ kind }) => kind === "credit")).toHaveLength(times);
});

test.each([
  ["before it has opened the stream", undefined, 0],
  ["while it has credit", { maxBytes: 1000 }, 1],
])("a node that says nothing %s is given up", async (_when, credit, records) => {
  begin(10, credit?.maxBytes ?? 1000);
  if (credit !== undefined) socket.say({ kind: "open", maxUnacked: 100 });
  if (records > 0) socket.records(1, records);
  if (records > 0) await stream.next();
  vi.advanceTimersByTime(SILENCE_MS);
  await expect(stream.next()).rejects.toMatchObject({ code: "ERR_TIMEOUT", retryable: true });
  expect(socket.closedWith).toBe(1000);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ["records", 2, 10_000],
  ["bytes", 10, 20],
])("one that has no credit of %s left owes no word", async (_of, maxRecords, maxBytes) => {
  begin(maxRecords, maxBytes);
  socket.say({ kind: "open", maxUnacked: 100 });
  socket.records(1, 2);
  const delivery = await stream.next();
  vi.advanceTimersByTime(10 * SILENCE_MS);
  expect(socket.closedWith).toBeUndefined();
  stream.took(delivery);
  vi.advanceTimersByTime(SILENCE_MS);
  await expect(stream.next()).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
});

test("how far nothing was found takes one place, however long nobody takes it", async () => {
  begin(10, 1000);
  socket.say({ kind: "open", maxUnacked: 100 });
  for (const to of [5, 6, 7]) socket.found(to);
  socket.records(8, 8);
  for (const to of [9, 10]) socket.found(to);
  const deliveries = [await stream.next(), await stream.next(), await stream.next()];
  expect(deliveries.map(({ to, records }) => [to, records.length])).toEqual([
    [7, 0],
    [8, 1],
    [10, 0],
  ]);
});

test("what came before the end is delivered before the error", async () => {
  begin(10, 1000);
  socket.say({ kind: "open", maxUnacked: 100 });
  socket.records(1, 1);
  socket.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "gone" }));
  expect((await stream.next()).to).toBe(1);
  await expect(stream.next()).rejects.toMatchObject({ code: "ERR_STREAM_LOST", notAccepted: true });
});
