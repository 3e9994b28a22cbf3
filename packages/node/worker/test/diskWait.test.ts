/** Goal: whoever waits for a disk that refuses hears of each change of the reason once, and is never kept waiting by a stop. */
import { StorageError } from "@annals/storage";
import { beforeEach, expect, it } from "vitest";
import { DiskWait } from "../src/diskWait.ts";

const FULL = new StorageError("ERR_DISK_FULL", "ENOSPC at /data", {
  details: { errno: "ENOSPC", path: "/data" },
});
const READ_ONLY = new StorageError("ERR_DISK_UNAVAILABLE", "EROFS at /data", {
  details: { errno: "EROFS", path: "/data" },
});

let reasons: (string | undefined)[];
let lines: unknown[];
let wait: DiskWait;

beforeEach(() => {
  reasons = [];
  lines = [];
  wait = new DiskWait({
    onRefusal: (reason) => void reasons.push(reason),
    onLine: (...line) => void lines.push(line),
  });
});

it("tells a refusal when it begins, when its reason changes, and when it is over", async () => {
  for (const refusal of [FULL, FULL, READ_ONLY]) {
    await wait.wait(refusal);
    expect(wait.refusal).toBe(refusal);
  }
  wait.over();
  wait.over();
  expect(wait.refusal).toBeUndefined();
  expect(reasons).toEqual(["ENOSPC at /data", "EROFS at /data", undefined]);
  const refuses = "the disk refuses: tried again until it does not";
  const told = ({ code, message: reason, details }: StorageError) => ({ code, reason, ...details });
  expect(lines).toEqual([
    ["warn", refuses, told(FULL)],
    ["warn", refuses, told(READ_ONLY)],
    ["info", "the disk does not refuse any more", {}],
  ]);
  await wait.wait(FULL);
  expect(reasons.at(-1)).toBe("ENOSPC at /data");
});

it("tells nothing of a try that went well at once", () => {
  wait.over();
  expect([...reasons, ...lines]).toEqual([]);
});

const timers = (): number =>
  process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;

it("ends every wait when it is stopped, those that come later too", async () => {
  const before = timers();
  const waiting = Array.from({ length: 30 }, () => wait.wait(FULL));
  expect(timers()).toBe(before + 30);
  wait.stop();
  expect(timers()).toBe(before);
  waiting.push(wait.wait(FULL));
  expect(timers()).toBe(before);
  await Promise.all(waiting);
});
