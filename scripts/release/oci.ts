import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { cp, mkdir, readFile, readdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { command, packTar } from "./command.ts";
import { debianArchitecture } from "./debian.ts";

/** What Node and LMDB load, and the certificates that a sink needs to call a service. No shell, no package manager. */
const BASE_PACKAGES = ["libc6", "libgcc-s1", "libstdc++6", "ca-certificates"];

const USER = 65_532;
const LABELS = {
  "org.opencontainers.image.title": "annals",
  "org.opencontainers.image.description": "a replicated audit-log server",
  "org.opencontainers.image.licenses": "Apache-2.0",
};

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/**
 * Writes an image as an OCI layout (image-spec 1.1), without a daemon. Its layers are what Debian's packages have for Node, the tree, and
 * the directory of the data. `work` is a directory to lay it out in. Needs `apt-get download`.
 */
export async function makeOci(
  tree: string,
  work: string,
  version: string,
  layout: string,
): Promise<void> {
  const blobs = join(layout, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const layers = [
    await baseLayer(join(work, "base"), blobs),
    await treeLayer(tree, join(work, "tree"), blobs),
    await dataLayer(join(work, "data"), blobs),
  ];
  const architecture = debianArchitecture();
  const config = await putJson(blobs, {
    architecture,
    os: "linux",
    config: {
      User: `${USER}:${USER}`,
      WorkingDir: "/data",
      Entrypoint: [
        `/usr/lib/annals/lib/node_modules/node-linux-${process.arch}/bin/node`,
        "/usr/lib/annals/lib/dist/main.js",
      ],
      Cmd: ["--help"],
      Volumes: { "/data": {} },
      StopSignal: "SIGTERM",
      ExposedPorts: { "7400/tcp": {} },
      Labels: { ...LABELS, "org.opencontainers.image.version": version },
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ what }) => ({ created_by: what })),
  });
  const manifest = await putJson(blobs, {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: layers.map(({ digest, size }) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest,
      size,
    })),
  });
  await writeJson(join(layout, "index.json"), {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        ...manifest,
        platform: { architecture, os: "linux" },
        annotations: { "org.opencontainers.image.ref.name": version },
      },
    ],
  });
  await writeJson(join(layout, "oci-layout"), { imageLayoutVersion: "1.0.0" });
}

interface Layer extends Blob {
  readonly diffId: string;
  readonly what: string;
}

async function baseLayer(work: string, blobs: string): Promise<Layer> {
  const [debs, root] = [join(work, "debs"), join(work, "root")];
  for (const place of [debs, root]) await mkdir(place, { recursive: true });
  await command("apt-get", ["download", ...BASE_PACKAGES], { cwd: debs });
  for (const name of await readdir(debs)) await command("dpkg-deb", ["-x", join(debs, name), root]);
  await mergeUsr(root);
  await bundleCertificates(root);
  await mkdir(join(root, "etc"), { recursive: true });
  await writeFile(join(root, "etc", "passwd"), `annals:x:${USER}:${USER}::/data:/\n`);
  await writeFile(join(root, "etc", "group"), `annals:x:${USER}:\n`);
  return putLayer(root, work, blobs, `Debian packages ${BASE_PACKAGES.join(", ")}`);
}

/** Debian's packages of before and after the merge of /lib into /usr/lib lie in one place, where the loader looks. */
async function mergeUsr(root: string): Promise<void> {
  for (const name of ["lib", "lib64"]) {
    const old = join(root, name);
    const found = await stat(old).catch(() => undefined);
    if (found?.isDirectory() === true) {
      await cp(old, join(root, "usr", name), { recursive: true, verbatimSymlinks: true });
      await command("rm", ["-r", old]);
    }
    await command("ln", ["-s", `usr/${name}`, old]);
  }
}

/** Outside of a container the package's own script does this. */
async function bundleCertificates(root: string): Promise<void> {
  const source = join(root, "usr", "share", "ca-certificates", "mozilla");
  const names = (await readdir(source)).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(source, name), "utf8")));
  const target = join(root, "etc", "ssl", "certs");
  await mkdir(target, { recursive: true });
  await writeFile(join(target, "ca-certificates.crt"), texts.join(""));
}

async function treeLayer(tree: string, work: string, blobs: string): Promise<Layer> {
  const root = join(work, "root");
  await cp(tree, join(root, "usr", "lib", "annals"), { recursive: true, verbatimSymlinks: true });
  return putLayer(root, work, blobs, "annals");
}

/** The directory of the data belongs to the user that the node runs as; a volume that is mounted there begins with that owner. */
async function dataLayer(work: string, blobs: string): Promise<Layer> {
  const root = join(work, "root");
  await mkdir(join(root, "data"), { recursive: true });
  return putLayer(root, work, blobs, "data", USER);
}

async function putLayer(
  root: string,
  work: string,
  blobs: string,
  what: string,
  owner = 0,
): Promise<Layer> {
  const packed = join(work, "layer.tar.gz");
  await packTar(root, packed, { owner });
  const diffId = `sha256:${createHash("sha256")
    .update(gunzipSync(await readFile(packed)))
    .digest("hex")}`;
  const digest = await fileDigest(packed);
  const { size } = await stat(packed);
  await rename(packed, join(blobs, digest));
  return { digest: `sha256:${digest}`, size, diffId, what };
}

async function putJson(blobs: string, value: unknown): Promise<Blob> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(blobs, digest), bytes);
  return { digest: `sha256:${digest}`, size: bytes.length };
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value)}\n`);
}

/** SHA-256 of a file, in hexadecimal. */
export async function fileDigest(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}
