/** Goal: work that a disk refuses is repeated until it goes, and told once a reason. Method: work that fails by a list of errors. */
import { StorageError } from "@annals/storage";
import pino from "pino";
import { beforeEach, expect, it } from "vitest";
import { patiently } from "../src/patience.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

let lines: Record<string, unknown>[];
let stop: AbortController;

beforeEach(() => {
  lines = [];
  stop = new AbortController();
});

/** Fails by these errors, one a try, and then resolves with the number of tries. */
function work(errors: readonly Error[]): { readonly tries: () => number; run: Promise<number> } {
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  let tries = 0;
  const once = async (): Promise<number> => {
    const error = errors[tries++];
    if (error !== undefined) throw error;
    return tries;
  };
  const run = patiently(once, { path: "/data", logger, signal: stop.signal });
  return { tries: () => tries, run };
}

it("repeats what the disk refuses, and tells each change of the reason", async () => {
  const [full, readOnly] = [systemError("ENOSPC"), systemError("EROFS")];
  expect(await work([full, full, readOnly]).run).toBe(4);
  expect(lines.map(({ code, errno, path }) => [code, errno, path])).toEqual([
    ["ERR_DISK_FULL", "ENOSPC", "/data"],
    ["ERR_DISK_UNAVAILABLE", "EROFS", "/data"],
  ]);
});

it("rejects at once with whatever is no refusal", async () => {
  const damage = new StorageError("ERR_LOG_DAMAGED", "no");
  for (const error of [damage, systemError("ENOENT")]) {
    const { run, tries } = work([error]);
    await expect(run).rejects.toBe(error);
    expect(tries()).toBe(1);
  }
  expect(lines).toEqual([]);
});

it("ends with the node, though the disk goes on to refuse", async () => {
  const { run, tries } = work(Array.from({ length: 1000 }, () => systemError("ENOSPC")));
  await expect.poll(() => lines.length).toBe(1);
  stop.abort();
  await expect(run).rejects.toMatchObject({ code: "ERR_NODE_STOPPING", retryable: true });
  expect(tries()).toBeLessThan(1000);
});
