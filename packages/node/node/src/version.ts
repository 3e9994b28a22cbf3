import { createRequire } from "node:module";

/** The version of this build. */
export function readVersion(): string {
  const manifest: { readonly version: string } = createRequire(import.meta.url)("../package.json");
  return manifest.version;
}
