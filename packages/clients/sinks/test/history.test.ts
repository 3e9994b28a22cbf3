// Goal: a sink goes on only in the database that it has written, in the same log, by the same settings, and only while it owns it.
// Method: one cursor, one thing changed at a time.
import { describe, expect, test } from "vitest";
import { checkHistory } from "../src/run/history.ts";
import type { Present } from "../src/run/history.ts";
import { Fenced } from "../src/run/stops.ts";

const STORED = {
  scope: "cluster c, log audit",
  anchor: 20,
  settings: "s",
  epoch: 7,
  seq: 20,
  part: 0,
  recordHash: "hash of 20",
};

const PRESENT: Present = {
  who: "sink s (files)",
  scope: "cluster c, log audit",
  settings: "s",
  epoch: 7,
  firstSeq: 1,
  lastSeq: 30,
  hashAt: async (seq) => `hash of ${seq}`,
};

describe("a stored cursor", () => {
  test.each([
    ["the same owner", { epoch: 7 }],
    ["a newer owner", { epoch: 8 }],
    ["a log that ends where the database does", { lastSeq: 20 }],
    ["a log that begins where the database ends", { firstSeq: 20 }],
    ["a log that begins right behind", { firstSeq: 21 }],
  ])("is gone on from: %s", async (_what, change) => {
    await expect(checkHistory(STORED, { ...PRESENT, ...change })).resolves.toBeUndefined();
  });

  test.each([
    ["other settings", { settings: "t" }, "ERR_SINK_SETTINGS"],
    ["a log of another cluster", { scope: "cluster d, log audit" }, "ERR_SINK_SCOPE"],
    ["a log that ends before the database does", { lastSeq: 19 }, "ERR_SINK_HISTORY"],
    ["another record", { hashAt: async () => "other" }, "ERR_SINK_HISTORY"],
    ["a log that begins beyond", { firstSeq: 22 }, "ERR_SINK_GAP"],
  ])("stops the sink: %s", async (_what, change, code) => {
    await expect(checkHistory(STORED, { ...PRESENT, ...change })).rejects.toMatchObject({ code });
  });

  test.each([6, 1])("of a newer owner than epoch %i fences it off", async (epoch) => {
    await expect(checkHistory(STORED, { ...PRESENT, epoch })).rejects.toBeInstanceOf(Fenced);
  });
});
