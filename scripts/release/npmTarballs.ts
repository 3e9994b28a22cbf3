import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { command } from "./command.ts";

/** Packages that nobody installs. */
const KEPT_BACK = ["annals-workspace", "@annals/testkit", "@annals/integration-tests"];

/** Packs every package that can be installed into `directory`; gives the paths of the tarballs. The packages must be built. */
export async function packNpm(root: string, directory: string): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  const filters = KEPT_BACK.flatMap((name) => ["--filter", `!${name}`]);
  await command("pnpm", ["--recursive", ...filters, "pack", "--pack-destination", directory], {
    cwd: root,
  });
  const names = await readdir(directory);
  return names
    .filter((name) => name.endsWith(".tgz"))
    .toSorted()
    .map((name) => join(directory, name));
}
