// Goal: a refused call comes back when the server asked it to, and not in step with all others. Method: a server that refuses once.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Caller } from "../src/caller.ts";

const REFUSAL = {
  code: "ERR_OVERLOADED",
  detail: "full",
  retryable: true,
  details: { retryAfterMs: 40 },
};

test("honours the exact wait of the document, with jitter on top", async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    const refused = asked === 1;
    response.writeHead(refused ? 429 : 200, refused ? { "retry-after": "60" } : {});
    response.end(JSON.stringify(refused ? REFUSAL : { done: true }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const drawn: number[] = [];
  const caller = new Caller({
    urls: [`http://127.0.0.1:${port}`],
    attemptTimeoutMs: 5_000,
    // Less than the header's 60 s: by that there would be no second attempt.
    retryForMs: 30_000,
    now: () => performance.now(),
    randomBelow: (n) => {
      drawn.push(n);
      return 0;
    },
  });
  const call = {
    method: "GET",
    path: "/",
    log: undefined,
    signal: undefined,
    repeat: "safe",
  } as const;
  expect(await caller.call(call)).toEqual({ done: true });
  expect(asked).toBe(2);
  expect(drawn).toContain(10);
  caller.close();
  server.close();
});
