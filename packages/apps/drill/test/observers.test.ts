/** Goal: what a drill says it has seen is what was there. Method: statuses, log lines and kernel files as a node and the kernel write them. */
import type { ClusterStatus } from "@annals/client";
import { describe, expect, it } from "vitest";
import { FaultLedger } from "../src/run/faultLedger.ts";
import { LogBook } from "../src/run/logBook.ts";
import { parseMemory, thinned } from "../src/run/rssSampler.ts";
import { StatusWatch } from "../src/run/statusWatch.ts";

function status(pid: number, lastSeq: number, pauses: number, largest = 0): ClusterStatus {
  const row = { name: "receive.link", unit: "bytes", count: 1, cap: 10, item: 5 } as const;
  return {
    cluster: "drill",
    node: "a",
    version: "0",
    nodes: [{ id: "a", address: "", reachable: true, pid }],
    logs: [
      {
        name: "audit",
        term: 1,
        commitIndex: 1,
        appliedIndex: 1,
        lastIndex: lastSeq,
        lastSeq,
        headHash: "00",
        replicas: [],
        pendingBytes: 0,
        flushes: 0,
        blobsNotSaved: 0,
        clockHandOvers: 0,
        elections: 1,
      },
    ],
    linkFaults: {},
    clock: { state: "alone", held: false, stampOffsetMs: 0 },
    groups: [],
    workerRestarts: 0,
    workers: [],
    memory: {
      limit: 1,
      worstBytes: 100,
      accountedBytes: 0,
      rssBytes: 0,
      rows: [{ ...row, worstBytes: 15, current: 0, peak: largest, largest }],
      violations: [],
      pauses: { "event-queue": pauses },
    },
    scrub: { logs: 0, damaged: 0 },
    reasons: [],
  };
}

describe("StatusWatch", () => {
  it("adds counts up over processes and over workers that take theirs along", () => {
    const watch = new StatusWatch(["audit"]);
    for (const pauses of [0, 4, 7]) watch.told("a", status(1, 0, pauses));
    watch.told("a", status(1, 0, 2));
    watch.told("a", status(2, 0, 3));
    expect(watch.pauses("a").get("event-queue")).toBe(7 + 2 + 3);
  });

  it("keeps the highest peak of any process, and where each began", () => {
    const watch = new StatusWatch(["audit"]);
    watch.told("a", status(1, 10, 0, 12));
    watch.told("a", status(1, 20, 0, 12));
    watch.told("a", status(2, 25, 0, 3));
    watch.told("a", status(2, 30, 0, 3));
    expect(watch.peaks("a").get("receive.link")).toMatchObject({ largest: 12, cap: 10, item: 5 });
    expect(watch.starts("a").slice(1)).toEqual([{ pid: 2, entries: 25, appliedBefore: 1 }]);
    expect(watch.records("a")).toBe(30);
    expect(watch.budget("a")).toBe(100);
  });
});

describe("LogBook", () => {
  it("reads elections, deaths and handovers, and counts what matches", () => {
    const book = new LogBook("/nowhere", ["unhandled"]);
    const lines = [
      '{"level":30,"time":100,"node":"a","log":"audit","term":3,"msg":"becameCandidate"}',
      '{"level":50,"time":200,"node":"a","worker":1,"logs":["x","y"],"msg":"worker ended; its logs are handed to others"}',
      '{"level":30,"time":300,"node":"a","log":"x","msg":"log handed over"}',
      "Error: Unhandled rejection",
      "{ not json",
    ];
    for (const line of lines) book.line(line);
    expect(book.elections).toEqual([{ log: "audit", term: 3 }]);
    expect(book.deaths).toEqual([{ atMs: 200, logs: ["x", "y"] }]);
    expect(book.handovers).toEqual([{ atMs: 300, log: "x" }]);
    expect(book.matches("unhandled")).toMatchObject({
      count: 1,
      lines: ["Error: Unhandled rejection"],
    });
  });
});

describe("FaultLedger", () => {
  it("fails a drill of which a fault was never seen to strike", async () => {
    const faults = new FaultLedger();
    await faults.struck("stop c", () => "c stopped");
    await faults.struck("slowDisk c", () => undefined);
    await faults.look();
    expect(faults.verdicts()).toEqual([
      { text: "fault fired: slowDisk c", outcome: "failed", seen: expect.any(String) },
    ]);
  });

  it("takes evidence that comes late", async () => {
    const faults = new FaultLedger();
    let seen = false;
    await faults.struck("slowDisk c", () => (seen ? "took longer" : undefined));
    seen = true;
    await faults.look();
    expect(faults.verdicts()).toMatchObject([{ outcome: "passed", seen: "took longer" }]);
  });
});

describe("memory", () => {
  it("is read from the kernel's own words", () => {
    const text = "Name:\tnode\nVmHWM:\t   300 kB\nVmRSS:\t   200 kB\nRssAnon:\t   150 kB\n";
    expect(parseMemory(text)).toEqual({ rss: 204_800, anon: 153_600, highWater: 307_200 });
    expect(parseMemory("Name:\tnode\n")).toBeUndefined();
  });

  it("keeps every peak when its curve is thinned", () => {
    const curve = [5, 1, 2, 9, 3].map((anon, atMs) => ({ atMs, anon, rss: anon }));
    expect(thinned(curve).map(({ anon }) => anon)).toEqual([5, 9, 3]);
  });
});
