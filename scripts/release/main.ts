/**
 * Makes what is installed: tarballs for npm, a directory with its own Node, a Debian package, an image as an OCI layout.
 *
 *     pnpm release [--out DIRECTORY] [npm] [tree] [deb] [oci]
 *
 * Without a kind it makes all of them. Nothing is uploaded. `deb` needs dpkg-deb, `oci` needs `apt-get download`.
 */
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { command, packTar } from "./command.ts";
import { debianArchitecture, makeDebian } from "./debian.ts";
import { packNpm } from "./npmTarballs.ts";
import { fileDigest, makeOci } from "./oci.ts";
import { makeTree } from "./tree.ts";

const KINDS = ["npm", "tree", "deb", "oci"];

const root = resolve(import.meta.dirname, "../..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: join(root, "release") } },
});
const unknown = positionals.find((kind) => !KINDS.includes(kind));
if (unknown !== undefined) {
  console.error(`release: ${unknown} is not one of ${KINDS.join(", ")}`);
  process.exit(2);
}
const kinds = positionals.length === 0 ? KINDS : positionals;
const out = resolve(values.out);
const { version }: { readonly version: string } = JSON.parse(
  await readFile(join(root, "packages/apps/cli/package.json"), "utf8"),
);
const work = await mkdtemp(join(tmpdir(), "annals-release-"));
try {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await make();
} finally {
  await rm(work, { recursive: true, force: true });
}

async function make(): Promise<void> {
  if (kinds.includes("npm")) {
    console.error("release: tarballs for npm");
    await packNpm(root, join(out, "npm"));
    const sbom = [
      "sbom",
      "--prod",
      "--sbom-format",
      "cyclonedx",
      "--out",
      join(out, "annals.cdx.json"),
    ];
    await command("pnpm", ["--filter", "annals", ...sbom], { cwd: root });
  }
  if (kinds.some((kind) => kind !== "npm")) await makeFromTree();
  await sums();
}

async function makeFromTree(): Promise<void> {
  const name = `annals-${version}-linux-${process.arch}`;
  const tree = join(work, name);
  console.error("release: the directory that the others are made of");
  await makeTree(root, tree);
  if (kinds.includes("tree")) await packTar(work, join(out, `${name}.tar.gz`), { names: [name] });
  if (kinds.includes("deb")) {
    console.error("release: Debian package");
    const file = join(out, `annals_${version}_${debianArchitecture()}.deb`);
    await makeDebian(tree, join(work, "deb"), version, file);
  }
  if (kinds.includes("oci")) {
    console.error("release: OCI layout");
    await makeOci(tree, join(work, "oci"), version, join(out, "oci"));
  }
}

/** Prints every file with its size, and writes their digests beside them, as `sha256sum --check` reads them. */
async function sums(): Promise<void> {
  const names = await readdir(out, { recursive: true });
  const lines: string[] = [];
  for (const name of names.toSorted()) {
    const file = join(out, name);
    const found = await stat(file);
    if (!found.isFile()) continue;
    lines.push(`${await fileDigest(file)}  ${name}\n`);
    console.log(`${String(found.size).padStart(12)}  ${name}`);
  }
  await writeFile(join(out, "SHA256SUMS"), lines.join(""));
}
