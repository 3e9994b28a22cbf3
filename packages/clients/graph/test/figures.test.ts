/** Goal: the programs that measure exactness find what they are to find. Method: each in a process of its own, with few records. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const benches = join(import.meta.dirname, "../bench");

async function bench(name: string, ...args: readonly string[]): Promise<unknown> {
  const argv = ["--conditions=annals-source", join(benches, name), ...args];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  return JSON.parse(stdout);
}

test("a graph is what its log says, whoever is killed and whatever is not answered", async () => {
  const found = await bench("exact.ts", "500", "3");
  expect(found).toMatchObject({ records: 500, kills: 3, same: true });
}, 60_000);

test("exactly the records that the graph refuses are dead letters", async () => {
  const found = await bench("poison.ts", "3000");
  expect(found).toMatchObject({ bad: 3, letters: 3, exactLetters: true, exactRest: true });
}, 60_000);
