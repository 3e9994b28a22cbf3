import { readdir, readFile } from "node:fs/promises";
import type { Profiler } from "node:inspector";
import { join } from "node:path";

/** A part of the code, and what it took by itself. */
export interface Stage {
  readonly name: string;
  readonly us: number;
}

/** On the monotonic clock, which all processes of a machine share. */
export interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

export interface ThreadProfile {
  readonly pid: number;
  /** 0 for the main thread. */
  readonly thread: number;
  readonly profile: Profiler.Profile;
}

const IDLE = new Set(["(idle)", "(root)"]);

export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** What `--cpu-prof-dir` holds: a profile for each thread that ended in peace. */
export async function readProfiles(directory: string): Promise<readonly ThreadProfile[]> {
  const names = await readdir(directory);
  return Promise.all(
    names.toSorted().map(async (name) => {
      const [, , , pid, thread] = name.split(".");
      const profile: Profiler.Profile = JSON.parse(await readFile(join(directory, name), "utf8"));
      return { pid: Number(pid), thread: Number(thread), profile };
    }),
  );
}

/** A module of ours or of Node, or a native function, with the time that it took within the window; the longest first. */
export function stagesOf(
  { nodes, samples = [], timeDeltas = [], startTime }: Profiler.Profile,
  { fromUs, toUs }: Window,
): readonly Stage[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const taken = new Map<string, number>();
  let atUs = startTime;
  for (const [k, sample] of samples.entries()) {
    const tookUs = timeDeltas[k] ?? 0;
    atUs += tookUs;
    const name = names.get(sample) ?? "";
    if (IDLE.has(name) || atUs < fromUs || atUs > toUs) continue;
    taken.set(name, (taken.get(name) ?? 0) + tookUs);
  }
  return [...taken].map(([name, us]) => ({ name, us })).toSorted((a, b) => b.us - a.us);
}

function nameOf({ functionName, url }: { functionName: string; url: string }): string {
  if (url === "") return functionName || "(anonymous)";
  return url.replace(/^.*\/(?:packages|node_modules)\//, "").replace("/dist/", "/");
}
