import { Drive, Meter } from "@annals/load";
import type { Carrier, ProcessUse, TargetNode } from "@annals/load";
import type { PeerAppend, PeerLoad } from "./peer.ts";

const MEBIBYTE = 2 ** 20;

/** Runs carriers as our own are run, and adds up what it cost. */
export async function driveCarriers(
  carriers: readonly Carrier[],
  nodes: readonly TargetNode[],
  { warmUpMs, durationMs, signal }: PeerLoad,
): Promise<PeerAppend> {
  const meter = new Meter(nodes, "");
  let use: Promise<readonly ProcessUse[]> = Promise.resolve([]);
  try {
    const { records, seconds, latency } = await new Drive({
      carriers,
      pace: { kind: "closed" },
      warmUpMs,
      durationMs,
      signal,
      onWindow: (edge) => {
        if (edge === "begin") meter.begin();
        else use = meter.end();
      },
    }).run();
    return peerAppend(records, seconds, latency, await use);
  } finally {
    meter.close();
  }
}

export function peerAppend(
  records: number,
  seconds: number,
  { p50Ms, p99Ms }: { readonly p50Ms: number; readonly p99Ms: number },
  processes: readonly ProcessUse[],
): PeerAppend {
  const cpu = processes.reduce((sum, use) => sum + use.cpuSeconds, 0);
  const servers = processes.filter(({ role }) => role !== "client");
  return {
    recordsPerSecond: Math.round(records / seconds),
    p50Ms,
    p99Ms,
    cpuSecondsPerMillion: (cpu * 1e6) / Math.max(1, records),
    peakRssMiB: Math.max(0, ...servers.map(({ peakRss }) => peakRss ?? 0)) / MEBIBYTE,
  };
}
