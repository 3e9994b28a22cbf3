import { readdir, stat } from "node:fs/promises";
import type { BigIntStats } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Identity } from "./followState.ts";
import { rotatedName } from "./rotation.ts";
import type { RotatedFile } from "./rotation.ts";

/** Rotated files that are looked at: the newest ones. */
const SIBLINGS_MAX = 1024;
/**
 * A directory that changes each time that it is looked at is looked at so often, and then at the
 * next time.
 */
const LOOKS_MAX = 4;

/** A file that has the name of the followed one, or one that rotation gives. */
export interface Listed extends RotatedFile {
  readonly path: string;
  readonly identity: Identity;
  readonly bytes: number;
  /** Whether it has the name itself. */
  readonly isMain: boolean;
  /** What it would be called without the ending of a compressed file. */
  readonly plain: string;
  readonly isCompressed: boolean;
}

export function identityOf({ dev, ino, birthtimeNs, ctimeNs }: BigIntStats): Identity {
  // Where the file system does not say, Node gives the time of the last change.
  const birth = birthtimeNs === ctimeNs || birthtimeNs <= 0n ? "" : String(birthtimeNs);
  return { device: String(dev), inode: String(ino), birth };
}

export function isSameFile(one: Identity, other: Identity): boolean {
  const isSame = one.device === other.device && one.inode === other.inode;
  return isSame && (one.birth === other.birth || one.birth === "" || other.birth === "");
}

/**
 * The file of this name and its rotated ones as they were at one moment; undefined while they
 * change too fast to tell.
 */
export async function listFiles(path: string): Promise<readonly Listed[] | undefined> {
  let before = await look(path);
  for (let looks = 1; looks < LOOKS_MAX; looks++) {
    const now = await look(path);
    if (isSameListing(before, now)) return now;
    before = now;
  }
  return undefined;
}

async function look(path: string): Promise<readonly Listed[]> {
  const base = basename(path);
  const names = await readdir(dirname(path)).catch(() => []);
  const listed = await Promise.all(
    [base, ...names.filter((name) => name !== base)].map((name) => listedOf(path, base, name)),
  );
  const found = listed.filter((one) => one !== undefined);
  const newest = (one: Listed, other: Listed): number =>
    Number(other.isMain) - Number(one.isMain) || (one.modified < other.modified ? 1 : -1);
  return found.length <= SIBLINGS_MAX ? found : found.toSorted(newest).slice(0, SIBLINGS_MAX);
}

/** A file of this identity in the directory, whatever it is called. */
export async function findFile(path: string, identity: Identity): Promise<Listed | undefined> {
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names) {
    const listed = await listedOf(path, basename(path), name, true);
    if (listed !== undefined && isSameFile(listed.identity, identity)) return listed;
  }
  return undefined;
}

async function listedOf(
  path: string,
  base: string,
  name: string,
  isAny = false,
): Promise<Listed | undefined> {
  const isMain = name === base;
  const any = isMain || isAny ? { plain: name, suffix: "" } : undefined;
  const rotated = isMain ? any : (rotatedName(base, name) ?? any);
  if (rotated === undefined) return undefined;
  const full = isMain ? path : join(dirname(path), name);
  const stats = await stat(full, { bigint: true }).catch(() => undefined);
  if (stats === undefined || !stats.isFile()) return undefined;
  return {
    path: full,
    identity: identityOf(stats),
    bytes: Number(stats.size),
    modified: stats.mtimeNs,
    isMain,
    isCompressed: rotated.plain !== name,
    ...rotated,
  };
}

function isSameListing(one: readonly Listed[], other: readonly Listed[]): boolean {
  const places = (listing: readonly Listed[]): string =>
    listing
      .map(({ path, identity }) => `${identity.device} ${identity.inode} ${path}`)
      .toSorted()
      .join("\n");
  return places(one) === places(other);
}
