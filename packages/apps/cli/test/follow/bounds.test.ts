// Goal: what waits is bounded, held open as long as there is room, and what is lost for want of
// room is told; a writer that is late and a request that is refused are no end. Method: rotations
// that the state shows to be seen, while the cluster is away.
import {
  appendFileSync,
  copyFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FollowRun, line, WAIT } from "./followRun.ts";

let run: FollowRun;

beforeEach(async () => {
  run = await FollowRun.start();
});
afterEach(() => run.close());

function rotate(n: number, ...actions: string[]): void {
  for (let k = n; k > 1; k--)
    renameSync(run.path(`app.ndjson.${k - 1}`), run.path(`app.ndjson.${k}`));
  renameSync(run.file, run.path("app.ndjson.1"));
  run.add("app.ndjson", ...actions);
}

const untilListed = (files: number): Promise<void> =>
  vi.waitFor(() => expect(run.listed()).toBe(files), WAIT);

test("a file that waits is read although it is deleted meanwhile", async () => {
  run.add("app.ndjson", "a1");
  const following = run.follow();
  await run.untilStored("a1");
  const comeBack = await run.goAway(() => run.add("app.ndjson", "a2"));
  rotate(1, "b1");
  await untilListed(2);
  rotate(2, "c1");
  await untilListed(3);
  unlinkSync(run.path("app.ndjson.1"));
  unlinkSync(run.path("app.ndjson.2"));
  comeBack();
  await run.untilStored("a1", "a2", "b1", "c1");
  expect(following.stderr).not.toContain("lost");
});

test("files that are not held open are read too; one that is deleted is told", async () => {
  run.add("app.ndjson", "f0");
  const following = run.follow();
  await run.untilStored("f0");
  const comeBack = await run.goAway(() => run.add("app.ndjson", "t"));
  for (let n = 1; n <= 20; n++) rotate(n, `f${n}`);
  await untilListed(21);
  expect(following.stderr).toContain("more than 16 files wait");
  // The newest but two: of those that are not open.
  unlinkSync(run.path("app.ndjson.2"));
  comeBack();
  const all = ["f0", "t", ...Array.from({ length: 20 }, (_, k) => `f${k + 1}`)];
  await run.untilStored(...all.filter((action) => action !== "f18"));
  expect(following.stderr).toContain("bytes that were seen behind it are lost");
});

test("rotated files that are older than the first start are never read", async () => {
  run.add("app.ndjson.1", "old1");
  run.add("app.ndjson.2", "old2");
  run.add("app.ndjson", "a1");
  const first = run.follow();
  await run.untilStored("a1");
  await run.end(first);
  writeFileSync(run.path("app.ndjson.3.gz"), gzipSync(Buffer.from(line("old2"))));
  unlinkSync(run.path("app.ndjson.2"));
  rotate(2, "b1");
  const second = run.follow();
  await run.untilStored("a1", "b1");
  run.add("app.ndjson", "b2");
  await run.untilStored("a1", "b1", "b2");
  expect(second.stderr).not.toContain("lost");
});

test("what a late writer adds to a file that was done with is read", async () => {
  run.add("app.ndjson", "a1");
  const following = run.follow();
  await run.untilStored("a1");
  rotate(1, "b1");
  await run.untilStored("a1", "b1");
  run.add("app.ndjson.1", "a2");
  await run.untilStored("a1", "b1", "a2");
  run.add("app.ndjson", "b2");
  await run.untilStored("a1", "b1", "a2", "b2");
  expect(following.stderr).toContain("was added to after its end");
});

test("a copy that is seen before its original is truncated is not read twice", async () => {
  run.add("app.ndjson", "a1");
  const following = run.follow();
  await run.untilStored("a1");
  copyFileSync(run.file, run.path("app.ndjson.1"));
  run.add("app.ndjson", "a2");
  await run.untilStored("a1", "a2");
  truncateSync(run.file);
  run.add("app.ndjson", "b1");
  await run.untilStored("a1", "a2", "b1");
  run.add("app.ndjson", "b2");
  await run.untilStored("a1", "a2", "b1", "b2");
  expect(following.stderr).toContain("was truncated");
});

test("a refusal of a whole request is traced to its line", async () => {
  const long = `{"actor":{"id":"a"},"action":"${"x".repeat(100_000)}"}`;
  appendFileSync(run.file, `${line("a1")}${line("a2")}${long}\n${line("a3")}`);
  const following = run.follow("--dead-letters", "dead.ndjson");
  await run.untilStored("a1", "a2", "a3");
  expect(run.letters()).toMatchObject([{ line: 3, length: long.length, text: long }]);
  expect(following.stderr).toContain("ERR_BODY_TOO_LARGE");
});

test("a line above every limit ends it by name without --dead-letters", async () => {
  appendFileSync(run.file, `${line("a1")}${"x".repeat((16 << 20) + 1)}`);
  const { code, stderr } = await run.follow().outcome;
  expect(code).toBe(1);
  expect(stderr).toContain("app.ndjson:2, byte ");
  expect(stderr).toContain("ERR_LINE_TOO_LONG");
  expect(stderr).toContain("--dead-letters FILE");
  expect(await run.stored()).toEqual(["a1"]);
});

test("a rotated file that is cut is read as far as it goes, and told", async () => {
  run.add("app.ndjson", "a1");
  const first = run.follow();
  await run.untilStored("a1");
  await run.end(first);
  const whole = gzipSync(Buffer.from(line("b1").repeat(3)));
  writeFileSync(run.path("app.ndjson.1.gz"), whole.subarray(0, whole.length - 6));
  run.add("app.ndjson", "c1");
  const following = run.follow();
  await vi.waitFor(() => expect(following.stderr).toContain("ERR_FILE_DAMAGED"), WAIT);
  run.add("app.ndjson", "c2");
  await vi.waitFor(async () => expect((await run.stored()).at(-1)).toBe("c2"), WAIT);
});

test.each([1, 2, 3, 4])("killed at request %i: each line once", async (nth) => {
  for (const isStored of [true, false]) {
    const one = await FollowRun.start();
    try {
      const text = `${line("a1")}\n${line("a2")}{}\n  \n${line("a3")}${line("a4")}nonsense\n`;
      appendFileSync(one.file, text + line("a5"));
      const options = ["--batch", "2", "--dead-letters", "dead.ndjson"];
      await one.killedAt(nth, isStored, ...options);
      renameSync(one.file, one.path("app.ndjson.1"));
      one.add("app.ndjson", "b1");
      one.follow(...options);
      await one.untilStored("a1", "a2", "a3", "a4", "a5", "b1");
      expect([...new Set(one.letters().map((letter) => letter.line))]).toEqual([4, 8]);
    } finally {
      await one.close();
    }
  }
});
