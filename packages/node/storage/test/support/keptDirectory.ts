import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** An empty directory for all tests of a file. */
export function keptDirectory(): { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "annals-store-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return { path };
}
