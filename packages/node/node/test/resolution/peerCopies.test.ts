/**
 * Goal: what other nodes answer about their copies takes bounded room and time. Method: servers that answer as no node does.
 */
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Ledger } from "@annals/flow";
import { afterEach, expect, test } from "vitest";
import { COPY_ANSWER_BYTES_MAX, COPY_QUESTIONS_MAX } from "@annals/config";
import { PeerCopies } from "../../src/resolution/peerCopies.ts";

let server: Server;

afterEach(() => server.close());

async function copiesFrom(listener: RequestListener): Promise<PeerCopies> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return new PeerCopies({ nodes: { b: `127.0.0.1:${port}` } }, new Ledger().family("copies"));
}

test("an answer is read as far as others act upon it", async () => {
  const copies = await copiesFrom((request, response) => {
    expect(request.url).toBe("/v1/logs/audit/copy");
    response.end('{"state":"open","headHash":"aa","node":"b","more":1}');
  });
  expect(await copies.ask("b", "audit")).toEqual({ state: "open", headHash: "aa" });
});

test.each([
  ["no JSON", "no"],
  ["another thing", '{"state":"splendid"}'],
  ["too much", `{"state":"open","more":"${"x".repeat(COPY_ANSWER_BYTES_MAX)}"}`],
])("%s is no answer", async (_what, text) => {
  const copies = await copiesFrom((_request, response) => response.end(text));
  expect(await copies.ask("b", "audit")).toBeUndefined();
});

test("a node that is not there gives no answer", async () => {
  const copies = await copiesFrom((request) => request.socket.destroy());
  expect(await copies.ask("b", "audit")).toBeUndefined();
});

test("nodes are asked a few at a time", async () => {
  const open: (() => void)[] = [];
  let most = 0;
  const copies = await copiesFrom((_request, response) => {
    open.push(() => void response.end('{"state":"open"}'));
    most = Math.max(most, open.length);
  });
  const asked = Array.from({ length: 3 * COPY_QUESTIONS_MAX }, () => copies.ask("b", "audit"));
  let answered = 0;
  while (answered < asked.length) {
    await expect.poll(() => open.length).toBeGreaterThan(0);
    answered += open.length;
    for (const answer of open.splice(0)) answer();
  }
  expect(await Promise.all(asked)).toHaveLength(3 * COPY_QUESTIONS_MAX);
  expect(most).toBeLessThanOrEqual(COPY_QUESTIONS_MAX);
});
