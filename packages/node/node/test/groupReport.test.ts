// Goal: whoever looks at the status learns which consumers are stuck, however many groups there are. Method: the real desk on a clock of the
// test's, and the report over many groups.
import { MemoryGroups, MemoryService } from "@annals/fake-server";
import { expect, test } from "vitest";
import { GROUPS_TOLD_MAX, groupsTold, stuckReasons } from "../src/groupReport.ts";

const LEASE_MS = 1_000;

test("a lane whose holder lives and does not come on for a minute is stuck, until it does", async () => {
  const service = new MemoryService();
  let nowMs = 0;
  const groups = new MemoryGroups(service, LEASE_MS, () => nowMs);
  const ask = (request: Parameters<MemoryService["group"]>[1]) => service.group("audit", request);
  const appended = { contentType: "application/json", producer: undefined, timeoutMs: 1 } as const;
  const body = Buffer.from(
    JSON.stringify([1, 2, 3].map(() => ({ actor: { id: "a" }, action: "x" }))),
  );
  await ask({ op: "create", name: "g", settings: "", lanes: 2, from: { at: "first" } });
  await ask({ op: "acquire", name: "g", settings: "", member: "one", feeds: "", lane: 0 });
  const token = groups.table.byName("g")?.lanes[0]?.token ?? 0;
  await service.append("audit", { ...appended, body });
  const afterAMinute = async (): Promise<void> => {
    for (let k = 0; k < 61; k++) {
      nowMs += LEASE_MS;
      await ask({ op: "renew", name: "g", lane: 0, token });
    }
  };
  expect(groups.conditions()).toEqual([{ name: "g", lag: 3, stuck: 0 }]);
  await afterAMinute();
  expect(groups.conditions()).toEqual([{ name: "g", lag: 3, stuck: 1 }]);
  await ask({ op: "commit", name: "g", lane: 0, token, position: 3 });
  // The other lane is free: nobody is stuck in it.
  expect(groups.conditions()).toEqual([{ name: "g", lag: 3, stuck: 0 }]);
  // Silent is not stuck.
  await service.append("audit", { ...appended, body });
  await afterAMinute();
  nowMs += 2 * LEASE_MS;
  expect(groups.conditions()).toEqual([{ name: "g", lag: 6, stuck: 0 }]);
});

test("those that are stuck are told of first, and no more than fit", () => {
  const all = Array.from({ length: 2 * GROUPS_TOLD_MAX }, (_, lag) => ({
    log: "audit",
    name: `g${lag}`,
    lag,
    stuck: lag === 7 ? 2 : 0,
  }));
  const told = groupsTold(all);
  expect(told).toHaveLength(GROUPS_TOLD_MAX);
  expect(told.map(({ lag }) => lag).slice(0, 3)).toEqual([7, 511, 510]);
  expect(stuckReasons(told)).toEqual([
    "log audit: group g7 is stuck: 7 records behind, and 2 of its lanes do not come on though their holders live",
  ]);
});
