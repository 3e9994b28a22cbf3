import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NdjsonFile } from "@annals/sinks";
import type { DeclaredSink, SinkHarness } from "@annals/sinks";

export const NDJSON: DeclaredSink<string> = {
  name: "ndjson",
  effect: "exact",
  exempt: { "records that cannot be written": "it takes every record" },
  make: filesHarness,
};

async function filesHarness(): Promise<SinkHarness<string>> {
  const root = await mkdtemp(join(tmpdir(), "annals-ndjson-"));
  const directory = join(root, "files");
  const lines = async (): Promise<readonly string[]> => {
    const names = (await readdir(directory)).filter((name) => name !== "lock").toSorted();
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
    return texts.join("").split("\n");
  };
  return {
    // Small enough that files are rotated.
    sink: () => new NdjsonFile({ directory, rotateBytes: 3_000 }),
    dump: async () => (await lines()).filter((line) => !line.startsWith('{"annals":')).join("\n"),
    backup: () => cp(directory, join(root, "copy"), { recursive: true }),
    restore: async () => {
      await rm(directory, { recursive: true });
      await cp(join(root, "copy"), directory, { recursive: true });
    },
    close: () => rm(root, { recursive: true }),
  };
}
