import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { command, tryProxy, tryShim } from "@annals/drill";
import { compilePowerCut, powerCutPath } from "./powerCut.ts";
import { findFaketime } from "./clockTool.ts";
import type { Capability } from "./faultKinds.ts";
import { Mount } from "./mounts.ts";
import { isInside } from "./namespaces.ts";
import { PacketFilter } from "./packetFilter.ts";

const PROBE_DISK_BYTES = 16 * 1024 * 1024;

/** Whether each capability is there, found out by trying it: undefined if it is, else why not. What was compiled stays in `directory`. */
export async function probe(
  directory: string,
): Promise<ReadonlyMap<Capability, string | undefined>> {
  await mkdir(directory, { recursive: true });
  const trials: Readonly<Record<Capability, () => Promise<void>>> = {
    signals: async () => undefined,
    proxy: tryProxy,
    packetFilter: tryPacketFilter,
    powerLoss: () => tryPowerLoss(directory),
    shim: () => tryShim(directory),
    smallDisk: () => trySmallDisk(directory),
    fileLimit: async () => {
      await command("prlimit", "--pid", String(process.pid), "--nofile");
    },
    clock: tryClock,
  };
  const obstacles = new Map<Capability, string | undefined>();
  for (const [capability, trial] of Object.entries(trials)) {
    try {
      await trial();
      obstacles.set(capability as Capability, undefined);
    } catch (error) {
      obstacles.set(
        capability as Capability,
        error instanceof Error ? error.message : String(error),
      );
    }
  }
  return obstacles;
}

async function tryPacketFilter(): Promise<void> {
  if (!isInside()) throw new Error("no private network namespace (unshare is not permitted)");
  const filter = await PacketFilter.open();
  await filter.close();
}

async function tryPowerLoss(directory: string): Promise<void> {
  await compilePowerCut(directory);
  const image = join(directory, "probe.ext4");
  const mount = await Mount.ext4(join(directory, "probe-disk"), image, PROBE_DISK_BYTES);
  try {
    await command(powerCutPath(directory), mount.path);
  } finally {
    await mount.unmount();
    await rm(image);
  }
}

async function trySmallDisk(directory: string): Promise<void> {
  const mount = await Mount.tmpfs(join(directory, "probe-memory"), PROBE_DISK_BYTES);
  await mount.unmount();
}

async function tryClock(): Promise<void> {
  const library = await findFaketime();
  if (library === undefined) throw new Error("libfaketime is not installed");
  await command("env", `LD_PRELOAD=${library}`, process.execPath, "--version");
}
