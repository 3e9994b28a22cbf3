/** Damage to the files of one log, as bit rot and failing disks do it. Everything is drawn from the given numbers. */
import { open, readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";

export const ROT_KINDS = ["flip", "metaFlip", "zeroPage", "truncate", "sidecar"] as const;
export type RotKind = (typeof ROT_KINDS)[number];

/** Uniform in [0, n). */
type Below = (n: number) => number;

const PAGE_BYTES = 4096;
const META_BYTES = 2 * PAGE_BYTES;

/** Damages one file of the log in `directory`, on demand none of the active segment; tells what was done. */
export async function damageLog(
  directory: string,
  kind: RotKind,
  below: Below,
  where: "anywhere" | "sealed" = "anywhere",
): Promise<string> {
  const all = (await readdir(directory)).filter((name) => /^segment-\d+$/.test(name)).toSorted();
  const names = where === "sealed" ? all.slice(0, -1) : all;
  const segment = names[below(names.length)] ?? "";
  const data = join(directory, segment, "data.mdb");
  const label = `${segment}/data.mdb`;
  const { size } = await stat(data);
  switch (kind) {
    case "flip":
      return `${label} ${await flip(data, below(size), below(8))}`;
    case "metaFlip":
      return `${label} ${await flip(data, below(META_BYTES), below(8))}`;
    case "zeroPage": {
      const page = below(size / PAGE_BYTES);
      const file = await open(data, "r+");
      await file.write(new Uint8Array(PAGE_BYTES), 0, PAGE_BYTES, page * PAGE_BYTES);
      await file.close();
      return `${label} page ${page} zeroed`;
    }
    case "truncate": {
      const length = below(size);
      await truncate(data, length);
      return `${label} cut at ${length} of ${size}`;
    }
    case "sidecar": {
      const sidecar = join(directory, "sidecar");
      if (below(4) === 0) {
        await truncate(sidecar, below(8192));
        return "sidecar cut";
      }
      // The slots' contents are in the first 124 bytes of each; the rest of a slot means nothing.
      return `sidecar ${await flip(sidecar, below(2) * PAGE_BYTES + below(124), below(8))}`;
    }
    default:
      return kind satisfies never;
  }
}

async function flip(path: string, at: number, bit: number): Promise<string> {
  const file = await open(path, "r+");
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  await file.write(byte, 0, 1, at);
  await file.close();
  return `byte ${at} bit ${bit} flipped`;
}
