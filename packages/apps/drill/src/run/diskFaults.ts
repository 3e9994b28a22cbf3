import { existsSync, rmSync, writeFileSync } from "node:fs";
import { cachedBytes, filesBelow, forgetPages } from "../cluster/pageCache.ts";
import type { StepBodies } from "../language/scenario.ts";
import { bytesText } from "../report/numbers.ts";
import { StepFailure } from "./outcome.ts";
import type { Site } from "./site.ts";

const US_PER_MS = 1000;

/** The words that `native/diskShim.c` reads. */
export async function slowDisk(site: Site, body: StepBodies["slowDisk"]): Promise<void> {
  const id = await site.resolve(body.node);
  const mark = site.controlFile(id, "disk.slowed");
  rmSync(mark, { force: true });
  const words = [
    (body.delay ?? 0) * US_PER_MS,
    body.bytesPerSecond ?? 0,
    body.files === "blobs" ? 1 : 0,
  ];
  site.faultStruck();
  writeFileSync(site.controlFile(id, "disk.slow"), words.join(" "));
  await site.faults.struck(`slowDisk ${id}`, () =>
    existsSync(mark) ? `the disk of ${id} took longer` : undefined,
  );
}

export async function diskRecovers(site: Site, refs: readonly string[]): Promise<void> {
  await site.faults.look();
  for (const id of await site.resolveAll(refs))
    rmSync(site.controlFile(id, "disk.slow"), { force: true });
}

/** As after a start of the machine, or when others have needed the memory meanwhile: every page is read from the disk again. */
export async function coldCache(site: Site, refs: readonly string[]): Promise<void> {
  for (const id of await site.resolveAll(refs)) {
    const node = site.cluster.node(id);
    if (node.running) throw new StepFailure(`node ${id} runs, and keeps its pages: stop it before`);
    const files = await filesBelow(node.data);
    const before = await cachedBytes(files);
    await forgetPages(files);
    const after = await cachedBytes(files);
    await site.faults.struck(`coldCache ${id}`, () =>
      after < before ? `${bytesText(before - after)} of ${id} forgotten` : undefined,
    );
  }
}
