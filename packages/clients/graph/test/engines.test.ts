/**
 * Goal: both engines load under Node itself, whose view of CommonJS differs from a bundler's, and a missing one is named. Method: a Node
 * process of its own runs the sources; a hook makes the optional package disappear.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { chunksOf, NEVER, openSink, recordOf } from "./driving.ts";
import { factsIn, foldOf } from "./fold.ts";

async function runs(script: string): Promise<string> {
  const args = ["--conditions=annals-source", "--input-type=module", "--eval", script];
  const cwd = import.meta.dirname;
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
  return stdout.trim();
}

test("both engines load under Node", async () => {
  const script = `
    import { BoltDatabase, GrafeoDatabase } from "@annals/graph";
    const embedded = await GrafeoDatabase.open();
    const bolt = await BoltDatabase.open({ url: "bolt://127.0.0.1:1", user: "u", password: "p" });
    console.log(embedded.name, bolt.name);
    await embedded.close();
    await bolt.close();`;
  expect(await runs(script)).toBe("Grafeo in memory bolt://127.0.0.1:1");
});

test("without the optional package the error says what to install", async () => {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (name.startsWith("@grafeo-db/")) throw new Error("not found");
      return next(name, context);
    } });
    const { GrafeoDatabase } = await import("@annals/graph");
    await GrafeoDatabase.open().catch((e) => console.log(e.code, e.failure, e.message));`;
  expect(await runs(script)).toMatch(/^ERR_GRAPH_ENGINE_MISSING settings .*npm install/);
});

test("a graph in a file goes on where it was, and only one may have it open", async () => {
  const directory = await mkdtemp(join(tmpdir(), "annals-graph-"));
  try {
    const path = join(directory, "graph.grafeo");
    const log = [1, 2, 3, 4].map((seq) => recordOf(seq, { targets: [{ id: "t" }] }));
    const before = await GrafeoDatabase.open(path);
    const first = await openSink(before);
    const chunks = chunksOf(first, log, 15);
    for (const chunk of chunks.slice(0, 2)) await first.apply(chunk, NEVER);
    await expect(GrafeoDatabase.open(path)).rejects.toMatchObject({
      code: "ERR_GRAPH_OPEN_FAILED",
    });
    await first.close();

    const after = await GrafeoDatabase.open(path);
    const second = await openSink(after);
    expect(await second.cursor(NEVER)).toEqual(chunks[1]?.next);
    for (const chunk of chunks.slice(2)) await second.apply(chunk, NEVER);
    expect(await factsIn(after)).toEqual(foldOf(log));
    await second.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});
