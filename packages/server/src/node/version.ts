import { createRequire } from "node:module";

function readVersion(): string {
  const manifest: { readonly version: string } = createRequire(import.meta.url)(
    "../../package.json",
  );
  return manifest.version;
}

export const VERSION: string = readVersion();
