// Goal: the load counts what it was told, and its ledger finds out a log that does not keep to it. Method: a server that answers by a list.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Outcome } from "@annals/load";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LoadGenerator } from "../../src/overload/generator.ts";
import { LoadLedger } from "../../src/overload/ledger.ts";
import { RequestStamp, SERIAL_MIN } from "../../src/overload/requests.ts";

describe("the ledger", () => {
  const accepted: Outcome = { kind: "accepted", firstSeq: 10, count: 2 };
  const refused: Outcome = { kind: "refused", code: "ERR_OVERLOADED" };
  const unknown: Outcome = { kind: "unknown", code: "connection lost" };
  const problems = (outcome: Outcome, stored: readonly (readonly [number, number[]])[]) => {
    const ledger = new LoadLedger(2);
    ledger.add(3, outcome);
    return ledger.verify(stored.flatMap(([serial, seqs]) => seqs.map((seq) => ({ serial, seq }))));
  };

  test.each([
    [
      "accepted and there",
      accepted,
      [
        [6, [10]],
        [7, [11]],
      ],
      0,
    ],
    ["accepted and lost", accepted, [[6, [10]]], 1],
    // Said of the record, and of its request.
    [
      "accepted and twice there",
      accepted,
      [
        [6, [10, 12]],
        [7, [11]],
      ],
      2,
    ],
    [
      "accepted and elsewhere",
      accepted,
      [
        [6, [11]],
        [7, [10]],
      ],
      2,
    ],
    ["refused and not there", refused, [], 0],
    ["refused and there", refused, [[7, [10]]], 1],
    [
      "unknown and there",
      unknown,
      [
        [6, [10]],
        [7, [11]],
      ],
      0,
    ],
    ["unknown and twice there", unknown, [[6, [10, 11]]], 1],
  ] as [string, Outcome, [number, number[]][], number][])(
    "%s",
    async (_what, outcome, stored, count) => {
      expect(await problems(outcome, stored)).toHaveLength(count);
    },
  );
});

test("a stamped request has records of its own numbers, and the same length", () => {
  const stamp = new RequestStamp(3, 300);
  const { byteLength } = stamp;
  for (const from of [0, 500_000_000]) {
    const text = Buffer.from(stamp.stamped(from)).toString();
    expect(text).toHaveLength(byteLength);
    const [head = "", body = ""] = text.split("\r\n\r\n");
    expect(head).toContain(`content-length: ${body.length}`);
    const records = JSON.parse(body) as { data: { n: number } }[];
    expect(records.map(({ data }) => data.n - SERIAL_MIN)).toEqual([from, from + 1, from + 2]);
  }
});

describe("the generator", () => {
  const answers = [
    [200, { firstSeq: 1, count: 3 }],
    [429, { code: "ERR_OVERLOADED" }],
    [504, { code: "ERR_OUTCOME_UNKNOWN" }],
  ] as const;
  let asked = 0;
  const server = createServer((request, response) => {
    const [status, answer] = answers[asked++ % answers.length] ?? answers[0];
    request.resume().once("end", () => {
      const body = JSON.stringify(answer);
      const close = status === 429 ? { connection: "close" } : {};
      response.writeHead(status, { "content-length": Buffer.byteLength(body), ...close });
      response.end(body);
    });
  });
  beforeEach(async () => {
    asked = 0;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(async () => {
    server.close();
    await once(server, "close");
  });

  test.each(["closed", "open"] as const)("%s: everything offered has an outcome", async (kind) => {
    const seen: Outcome["kind"][] = [];
    const generator = new LoadGenerator({
      addresses: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
      connections: 3,
      seconds: 0.3,
      source: () => {
        const stamp = new RequestStamp(3, 300);
        return (k) => stamp.stamped(k * 3);
      },
      onOutcome: (k, outcome) => {
        seen[k] = outcome.kind;
      },
    });
    const outcomes = await (kind === "closed" ? generator.closedLoop() : generator.openLoop(300));
    const others = [...outcomes.others.values()].reduce((sum, count) => sum + count, 0);
    expect(asked).toBeGreaterThan(3);
    expect(generator.next).toBe(asked);
    expect(seen).toHaveLength(asked);
    expect(new Set(seen)).toEqual(new Set(["accepted", "refused", "unknown"]));
    expect(outcomes.accepted + others + outcomes.unsent).toBe(outcomes.offered);
    expect([...outcomes.others.keys()].toSorted()).toEqual([
      "ERR_OUTCOME_UNKNOWN",
      "ERR_OVERLOADED",
    ]);
  });
});
