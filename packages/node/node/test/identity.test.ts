// Goal: a node takes no directory that is not its own. Method: directories that belong to others.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { NodeIdentity } from "../src/identity.ts";

it("an embedded log is not taken for a blank disk", async () => {
  const directory = await mkdtemp(join(tmpdir(), "annals-identity-"));
  try {
    await writeFile(join(directory, "embedded.json"), "{}");
    await expect(NodeIdentity.open(directory, "a")).rejects.toMatchObject({
      code: "ERR_DATA_OF_EMBEDDED_LOG",
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
