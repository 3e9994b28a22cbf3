import { chmod, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command } from "./command.ts";

/** Finds its own directory, so that the tree may lie anywhere, and may be called through a link. */
const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/../lib/node_modules/node-linux-${process.arch}/bin/node" "$here/../lib/dist/main.js" "$@"
`;

/** Notes that pnpm leaves for itself; they name directories of this machine. */
const NOTES = [".modules.yaml", ".pnpm", ".bin", ".pnpm-workspace-state-v1.json"];

/**
 * Makes a directory with everything that a node needs: the command, what it depends on exactly as the lock file says, and its own Node. No
 * other program is needed but the C library. The packages must be built.
 */
export async function makeTree(root: string, tree: string): Promise<void> {
  const lib = join(tree, "lib");
  const options = ["--prod", "--legacy", "--config.node-linker=hoisted"];
  await command("pnpm", ["--filter", "annals", "deploy", ...options, lib], { cwd: root });
  for (const name of NOTES)
    await rm(join(lib, "node_modules", name), { recursive: true, force: true });
  await mkdir(join(tree, "bin"), { recursive: true });
  const launcher = join(tree, "bin", "annals");
  await writeFile(launcher, LAUNCHER);
  await chmod(launcher, 0o755);
  const share = join(tree, "share");
  await mkdir(share, { recursive: true });
  const files = join(import.meta.dirname, "files");
  for (const name of ["annals.service", "annals.yaml"])
    await cp(join(files, name), join(share, name));
  await cp(join(root, "LICENSE"), join(share, "LICENSE"));
}
