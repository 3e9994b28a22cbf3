import { mkdir, truncate, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { command } from "@annals/drill";

const BUSY_POLL_MS = 50;
const BUSY_TRIES = 100;

/** A file system of a node's own, mounted at `path`. */
export class Mount {
  readonly path: string;
  readonly #arguments: readonly string[];
  #mounted = false;

  private constructor(path: string, parameters: readonly string[]) {
    this.path = path;
    this.#arguments = parameters;
  }

  /** An ext4 in a file: keeps over a remount what was flushed. */
  static async ext4(path: string, image: string, bytes: number): Promise<Mount> {
    await writeFile(image, "");
    await truncate(image, bytes);
    await command("mkfs.ext4", "-q", "-F", image);
    return Mount.#make(path, ["-o", "loop", image, path]);
  }

  /** A small one in memory. */
  static async tmpfs(path: string, bytes: number): Promise<Mount> {
    return Mount.#make(path, ["-t", "tmpfs", "-o", `size=${bytes}`, "annals-chaos", path]);
  }

  static async #make(path: string, parameters: readonly string[]): Promise<Mount> {
    await mkdir(path, { recursive: true });
    const mount = new Mount(path, parameters);
    await mount.mount();
    return mount;
  }

  get mounted(): boolean {
    return this.#mounted;
  }

  async mount(): Promise<void> {
    if (this.#mounted) return;
    await command("mount", ...this.#arguments);
    this.#mounted = true;
  }

  /** Waits for whoever still has files open there: a process that was killed is gone a moment later. Idempotent. */
  async unmount(): Promise<void> {
    for (let tries = 1; this.#mounted; tries++) {
      try {
        await command("umount", this.path);
        this.#mounted = false;
      } catch (error) {
        if (tries >= BUSY_TRIES) throw error;
        await sleep(BUSY_POLL_MS);
      }
    }
  }
}

/** One mount a node; all or none. */
export async function mountAll(
  ids: readonly string[],
  make: (id: string) => Promise<Mount>,
): Promise<ReadonlyMap<string, Mount>> {
  const mounts = new Map<string, Mount>();
  try {
    for (const id of ids) mounts.set(id, await make(id));
  } catch (error) {
    await unmountAll(mounts);
    throw error;
  }
  return mounts;
}

export async function unmountAll(mounts: ReadonlyMap<string, Mount>): Promise<void> {
  for (const mount of mounts.values()) await mount.unmount();
}
