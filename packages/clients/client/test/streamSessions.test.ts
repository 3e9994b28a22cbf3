// Goal: outages are waited for longer and longer, and a node that has served ends that. Method: sessions that fail as the test says, and
// waits that are only noted.
import { expect, test } from "vitest";
import { Caller } from "../src/caller.ts";
import { ClientError } from "../src/clientError.ts";
import { RecordStream } from "../src/recordStream.ts";
import { streamSessions } from "../src/streamSessions.ts";
import { globalTransport } from "../src/transport.ts";

class NotingCaller extends Caller {
  readonly waits: number[] = [];

  override pause(waitMs: number): Promise<void> {
    this.waits.push(waitMs);
    return Promise.resolve();
  }
}

const lost = (): ClientError => new ClientError("ERR_STREAM_LOST", "lost", { retryable: true });

/** One session each: whether it served before it was lost. The last one ends by itself. */
async function waitsBetween(served: readonly boolean[]): Promise<readonly number[]> {
  const caller = new NotingCaller({
    urls: ["http://127.0.0.1:1"],
    attemptTimeoutMs: 1000,
    wideNumbers: "exact",
    transport: globalTransport(),
    retryForMs: Number.POSITIVE_INFINITY,
    now: () => 0,
    randomBelow: (n) => n - 1,
  });
  const sessions = [...served];
  const all = streamSessions({
    caller,
    signal: undefined,
    open: (url) =>
      new RecordStream({
        url,
        request: {},
        maxRecords: 1,
        maxBytes: 1,
        silenceMs: 1000,
        wideNumbers: caller.wideNumbers,
        transport: globalTransport(),
      }),
    async *run(_stream, progress): AsyncGenerator<string, void> {
      const serves = sessions.shift();
      if (serves === undefined) return;
      if (serves) progress();
      yield "session";
      throw lost();
    },
  });
  let count = 0;
  for await (const _one of all) count++;
  expect(count).toBe(served.length);
  caller.close();
  return caller.waits;
}

test("waits double up to a limit while nobody serves", async () => {
  expect(await waitsBetween(Array.from({ length: 8 }, () => false))).toEqual([
    50, 100, 200, 400, 800, 1600, 2000, 2000,
  ]);
});

test("and begin anew when somebody has served", async () => {
  expect(await waitsBetween([false, false, false, true, false, true, true])).toEqual([
    50, 100, 200, 50, 100, 50, 50,
  ]);
});
