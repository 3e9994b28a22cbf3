/**
 * Goal: while a disk refuses, nothing is written, and it is asked again at a pace that slows down. Method: a probe that answers as the test
 * says, and a clock moved by hand.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AnnouncedBytes } from "../../src/blobs/announcedBytes.ts";
import {
  anyRefusal,
  diskRefusal,
  errnoOf,
  fileFailed,
  fileRefusal,
  within,
} from "../../src/disk/diskRefusal.ts";
import { isThere, unlessMissing } from "../../src/disk/isThere.ts";
import { commitCause } from "../../src/segments/commitCause.ts";
import { DiskGate } from "../../src/disk/diskGate.ts";
import { StorageError } from "../../src/storageError.ts";

const FULL = new StorageError("ERR_DISK_FULL", "full");
const READ_ONLY = new StorageError("ERR_DISK_UNAVAILABLE", "read-only");

describe("the gate", () => {
  let nowMs: number;
  let answer: StorageError | undefined;
  let asked: number;
  const gateWith = (refusal: StorageError | undefined): DiskGate =>
    new DiskGate(async () => {
      asked++;
      return answer;
    }, refusal);

  beforeEach(() => {
    [nowMs, answer, asked] = [0, FULL, 0];
    vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  });
  afterEach(() => vi.restoreAllMocks());

  test("costs nothing while the disk is well", async () => {
    const gate = gateWith(undefined);
    await gate.pass();
    expect([asked, gate.refusal]).toEqual([0, undefined]);
  });

  test("asks after a wait that doubles up to five seconds, and tells the latest reason", async () => {
    const gate = gateWith(READ_ONLY);
    for (const waitMs of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      const before = gate.refusal;
      const count = asked;
      nowMs += waitMs - 1;
      await expect(gate.pass()).rejects.toBe(before);
      expect(asked).toBe(count);
      nowMs += 1;
      await expect(gate.pass()).rejects.toBe(FULL);
      expect([asked, gate.refusal]).toEqual([count + 1, FULL]);
    }
  });

  test("opens when a probe goes well, and is patient until a write has", async () => {
    const gate = gateWith(FULL);
    nowMs = 100;
    answer = undefined;
    await gate.pass();
    expect(gate.refusal).toBeUndefined();
    expect(gate.refuse(READ_ONLY)).toBe(READ_ONLY);
    nowMs += 199;
    await expect(gate.pass()).rejects.toBe(READ_ONLY);
    nowMs += 1;
    await gate.pass();
    gate.passed();
    gate.refuse(FULL);
    nowMs += 100;
    await gate.pass();
    expect(gate.refusal).toBeUndefined();
  });
});

test("announced bytes are those that are not written yet, never fewer than none", () => {
  const announced = new AnnouncedBytes();
  const [one, other] = [announced.announce(100), announced.announce(10)];
  one.written(60);
  expect(announced.bytes).toBe(50);
  other.written(60);
  expect(announced.bytes).toBe(40);
  one.end();
  one.end();
  one.written(5);
  expect(announced.bytes).toBe(0);
});

const system = (code: string, more: object = {}): Error =>
  Object.assign(new Error(code), { code, ...more });

describe("errors of the system", () => {
  test.each<[string, string]>([
    ["ENOSPC", "ERR_DISK_FULL"],
    ["EDQUOT", "ERR_DISK_FULL"],
    ...["EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE", "EAGAIN", "ENOMEM"].map(
      (errno): [string, string] => [errno, "ERR_DISK_UNAVAILABLE"],
    ),
  ])("%s is %s, which may pass", (errno, code) => {
    const cause = system(errno);
    expect(diskRefusal(new Error("x", { cause }), "/p")).toMatchObject({
      code,
      retryable: true,
      details: { errno, path: "/p" },
    });
    expect(diskRefusal(system(errno, { path: "/own" }), "/p")?.details).toMatchObject({
      path: "/own",
    });
    expect(diskRefusal(system(errno, { path: 7 }), "/p")?.details).toMatchObject({ path: "/p" });
  });

  test("an error of the device is a refusal where it is asked for, and none of the disk's state", () => {
    expect(diskRefusal(system("EIO"), "/p")).toBeUndefined();
    expect(anyRefusal(system("EIO"), "/p")).toMatchObject({ code: "ERR_DISK_UNAVAILABLE" });
    expect(anyRefusal(system("ENOENT"), "/p")).toBeUndefined();
    expect(anyRefusal(new Error("no errno"), "/p")).toBeUndefined();
  });

  test("are found among the causes, not for ever", () => {
    let error = system("EIO");
    for (let depth = 0; depth < 7; depth++) error = new Error("outer", { cause: error });
    expect(errnoOf(error)).toBe("EIO");
    expect(errnoOf(new Error("outer", { cause: error }))).toBeUndefined();
    expect(errnoOf(system("ERR_NOT_OURS"))).toBeUndefined();
  });

  test("are told with what they were met at", () => {
    const failed = fileFailed("/f", "the file could not be written", system("EIO"));
    expect(failed).toMatchObject({
      code: "ERR_STORAGE_FAILED",
      message: "EIO at /f: the file could not be written",
      details: { errno: "EIO", path: "/f" },
    });
    const told = within("the sidecar", FULL);
    expect(told).toMatchObject({
      code: "ERR_DISK_FULL",
      retryable: true,
      message: "the sidecar: full",
    });
    expect(within("x", new StorageError("ERR_LOG_DAMAGED", "y")).code).toBe("ERR_DISK_UNAVAILABLE");
  });

  test("that something is missing is no refusal, and anything else is no answer", async () => {
    expect(await isThere("/")).toBe(true);
    expect(await isThere("/nothing/here")).toBe(false);
    await expect(isThere("/dev/null/x")).rejects.toMatchObject({ code: "ENOTDIR" });
    expect(unlessMissing(system("ENOENT"))).toEqual([]);
    expect(() => unlessMissing(system("EIO"))).toThrow("EIO");
    expect(await fileRefusal("/nothing/here")).toBeUndefined();
    expect(await fileRefusal("/dev/null")).toBeUndefined();
    expect(await fileRefusal("/dev/null/x")).toMatchObject({ details: { errno: "ENOTDIR" } });
  });

  test("of a commit come from LMDB's second promise, where there is one", async () => {
    const cause = system("EIO");
    const failed = Object.assign(new Error("Commit failed"), {
      commitError: Promise.reject(cause),
    });
    expect(await commitCause(failed)).toBe(cause);
    const plain = new Error("plain");
    expect(await commitCause(plain)).toBe(plain);
    expect(await commitCause("text")).toBe("text");
  });
});
