import { chmod, cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command } from "./command.ts";

const ARCHITECTURES: Readonly<Partial<Record<string, string>>> = { x64: "amd64", arm64: "arm64" };

/** What dpkg calls the architecture of this machine. */
export function debianArchitecture(): string {
  const name = ARCHITECTURES[process.arch];
  if (name === undefined) throw new Error(`no Debian package is made for ${process.arch}`);
  return name;
}

/**
 * Wraps the tree into a Debian package: the command on the PATH, a user and a state directory of its own, and a unit that is not started
 * before somebody has written its configuration. `work` is a directory to lay it out in.
 */
export async function makeDebian(
  tree: string,
  work: string,
  version: string,
  file: string,
): Promise<void> {
  const files = join(import.meta.dirname, "files");
  const home = join(work, "usr", "lib", "annals");
  const places = ["DEBIAN", "usr/bin", "usr/lib", "usr/lib/systemd/system", "etc/annals"];
  for (const place of places) await mkdir(join(work, place), { recursive: true });
  await cp(tree, home, { recursive: true, verbatimSymlinks: true });
  await symlink("../lib/annals/bin/annals", join(work, "usr/bin/annals"));
  await cp(join(files, "annals.service"), join(work, "usr/lib/systemd/system/annals.service"));
  await cp(join(files, "annals.yaml"), join(work, "etc/annals/annals.yaml"));
  const installed = await command("du", ["-sk", home]);
  await writeFile(join(work, "DEBIAN/control"), control(version, installed.split("\t")[0] ?? "0"));
  await writeFile(join(work, "DEBIAN/conffiles"), "/etc/annals/annals.yaml\n");
  for (const name of ["postinst", "prerm"]) {
    await cp(join(files, name), join(work, "DEBIAN", name));
    await chmod(join(work, "DEBIAN", name), 0o755);
  }
  const env = { ...process.env, SOURCE_DATE_EPOCH: "0" };
  await command("dpkg-deb", ["--root-owner-group", "-Zzstd", "-z10", "--build", work, file], {
    env,
  });
}

function control(version: string, kilobytes: string): string {
  return `Package: annals
Version: ${version}
Architecture: ${debianArchitecture()}
Maintainer: Annals <root@localhost>
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, adduser
Installed-Size: ${kilobytes}
Section: admin
Priority: optional
Description: replicated audit-log server
 Applications append audit records; a cluster of nodes replicates them and
 keeps them. One process a node, one port, no other service to run.
`;
}
