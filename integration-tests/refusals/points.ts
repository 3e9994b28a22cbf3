/** What the driver and the tests of refusals of a whole node agree upon. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RefusalsOptions } from "@annals/kit";
import { RefusedNode } from "./refusedNode.ts";

export const BASE_RECORDS = 5;

/** How many points there are. */
export const POINTS: string = join(import.meta.dirname, "points.json");

export const BLOB: Uint8Array = new TextEncoder().encode("what a record names".repeat(1000));
export const BLOB_DIGEST: string = createHash("sha256").update(BLOB).digest("hex");

export function recordOf(number: number): object {
  return { actor: { id: "ada" }, action: "kept", data: { number } };
}

export const NODE_REFUSALS: RefusalsOptions = {
  phases: ["start", "birth", "blob", "create", "quarantine", "lasting"],
  errnos: ["ENOSPC", "EDQUOT", "EROFS", "EMFILE", "EACCES", "EIO", "KILL"],
  runs: "built",
  driver: join(import.meta.dirname, "driver.ts"),
  makeBase: async (directory) => {
    const node = await RefusedNode.start(directory);
    await node.untilReady();
    for (let number = 0; number < BASE_RECORDS; number++)
      await node.untilStored("audit", recordOf(number));
    await node.close();
    // What a crash leaves of an upload.
    const unfinished = join(directory, "logs", "2", "blobs", "unfinished");
    mkdirSync(unfinished, { recursive: true });
    writeFileSync(join(unfinished, "half"), "half");
  },
};
