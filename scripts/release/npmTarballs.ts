import { glob, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { command } from "./command.ts";

/** Names of the packages that nobody installs: those that say `private`. */
async function keptBack(root: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const path of glob(
    ["package.json", "integration-tests/package.json", "packages/*/*/package.json"],
    { cwd: root },
  )) {
    const manifest: { readonly name: string; readonly private?: boolean } = JSON.parse(
      await readFile(join(root, path), "utf8"),
    );
    if (manifest.private === true) names.push(manifest.name);
  }
  return names;
}

/** Packs every package that can be installed into `directory`; gives the paths of the tarballs. The packages must be built. */
export async function packNpm(root: string, directory: string): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  const filters = (await keptBack(root)).flatMap((name) => ["--filter", `!${name}`]);
  await command("pnpm", ["--recursive", ...filters, "pack", "--pack-destination", directory], {
    cwd: root,
  });
  const names = await readdir(directory);
  return names
    .filter((name) => name.endsWith(".tgz"))
    .toSorted()
    .map((name) => join(directory, name));
}
