// Goal: a refused call comes back when the server asked it to, and not in step with all others; whoever stands by is told at once. Method: a
// server that refuses once.
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Caller } from "../src/caller.ts";
import { globalTransport } from "../src/transport.ts";

const REFUSAL = {
  code: "ERR_OVERLOADED",
  detail: "full",
  retryable: true,
  details: { retryAfterMs: 40 },
};

interface Asked {
  readonly caller: Caller;
  readonly times: () => number;
  /** Bounds of the random waits. */
  readonly drawn: readonly number[];
  readonly close: () => void;
}

/** A client of a server that refuses the first request. */
async function refusedOnce(status: number, refusal: object): Promise<Asked> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    const refused = asked === 1;
    response.writeHead(refused ? status : 200, refused ? { "retry-after": "60" } : {});
    response.end(JSON.stringify(refused ? refusal : { done: true }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const drawn: number[] = [];
  const caller = new Caller({
    urls: [`http://127.0.0.1:${port}`],
    attemptTimeoutMs: 5_000,
    wideNumbers: "exact",
    transport: globalTransport(),
    // Less than the header's 60 s: by that there would be no second attempt.
    retryForMs: 30_000,
    now: () => performance.now(),
    randomBelow: (n) => {
      drawn.push(n);
      return 0;
    },
  });
  const close = (): void => {
    caller.close();
    server.close();
  };
  return { caller, times: () => asked, drawn, close };
}

const CALL = {
  method: "GET",
  path: "/",
  log: undefined,
  signal: undefined,
  repeat: "safe",
} as const;

test("honours the exact wait of the document, with jitter on top", async () => {
  const { caller, times, drawn, close } = await refusedOnce(429, REFUSAL);
  expect(await caller.call(CALL)).toEqual({ done: true });
  expect(times()).toBe(2);
  expect(drawn).toContain(10);
  close();
});

test("a lane that somebody holds is no failure: whoever stands by is told when to ask again", async () => {
  const { caller, times, close } = await refusedOnce(409, { ...REFUSAL, code: "ERR_GROUP_HELD" });
  await expect(caller.call(CALL)).rejects.toMatchObject({
    code: "ERR_GROUP_HELD",
    retryAfterMs: 40,
  });
  expect(times()).toBe(1);
  close();
});

test("once the head of a stream is here its body may take longer than an attempt", async () => {
  const attemptTimeoutMs = 500;
  const bodies: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    response.write("begin ");
    bodies.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const caller = new Caller({
    urls: [`http://127.0.0.1:${port}`],
    attemptTimeoutMs,
    wideNumbers: "exact",
    transport: globalTransport(),
    retryForMs: 30_000,
    now: () => performance.now(),
    randomBelow: () => 0,
  });
  const response = await caller.stream(CALL);
  // Whatever was to end the attempt began before this, and so has ended it by then.
  await once(AbortSignal.timeout(attemptTimeoutMs), "abort");
  for (const body of bodies) body.end("end");
  expect(await response.text()).toBe("begin end");
  caller.close();
  server.close();
});

test("a server that waits on purpose has that time beside the attempt's, and no more", async () => {
  const attemptTimeoutMs = 50;
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const caller = callerOf(port, { attemptTimeoutMs, retryForMs: 0 });
  const waiting = caller.call({ ...CALL, extraMs: 60_000 });
  const hasty = caller.call({ ...CALL, extraMs: 1 });
  await expect(hasty).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
  await once(AbortSignal.timeout(attemptTimeoutMs), "abort");
  for (const response of held) response.end("{}");
  expect(await waiting).toEqual({});
  caller.close();
  server.closeAllConnections();
  server.close();
});

test("a stream whose head does not come ends like any other attempt", async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const caller = callerOf(port, { attemptTimeoutMs: 50, retryForMs: 0 });
  await expect(caller.stream(CALL)).rejects.toMatchObject({ name: "ClientError", retryable: true });
  caller.close();
  server.closeAllConnections();
  server.close();
});

test("a wait ends with the call, or with the client, and says which", async () => {
  const caller = callerOf(1);
  const stop = new AbortController();
  const hour = 3_600_000;
  const [aborted, closed] = [caller.pause(hour, stop.signal), caller.pause(hour, undefined)];
  stop.abort();
  await expect(aborted).rejects.toMatchObject({ code: "ERR_ABORTED" });
  caller.close();
  await expect(closed).rejects.toMatchObject({ code: "ERR_CLIENT_CLOSED" });
});

function callerOf(
  port: number,
  change: { attemptTimeoutMs?: number; retryForMs?: number } = {},
): Caller {
  return new Caller({
    urls: [`http://127.0.0.1:${port}`],
    attemptTimeoutMs: 5000,
    wideNumbers: "exact",
    transport: globalTransport(),
    retryForMs: 30_000,
    now: () => performance.now(),
    randomBelow: () => 0,
    ...change,
  });
}
