import { throwAwayTarget } from "../cluster/target.ts";
import type { ThrowAwayOptions } from "../cluster/throwAway.ts";
import { fill } from "../load/fill.ts";
import { STANDARD_SHAPE } from "../load/buildLoad.ts";
import { auditText } from "../load/recordText.ts";
import { diskBytes } from "../measure/diskBytes.ts";
import { cpuSeconds } from "../measure/processFigures.ts";

export interface CompressionFigures {
  /** On the disk of one node. */
  readonly diskBytesPerRecord: number;
  readonly recordsPerSecond: number;
  /** Of the nodes together. */
  readonly cpuSecondsPerMillion: number;
}

const RECORDS_PER_REQUEST = 500;

/** Fills a fresh cluster with audit records that differ as real ones do, and looks at what they have become. */
export async function measureCompression(
  compression: "none" | "zstd",
  records: number,
  options: Omit<ThrowAwayOptions, "settings" | "nodes"> & { readonly signal: AbortSignal },
): Promise<CompressionFigures> {
  const settings = `log: { compression: ${compression} }\n`;
  const target = await throwAwayTarget({ ...options, nodes: 3, settings });
  try {
    const [node] = target.processes.nodes.values();
    const before = diskBytes(node?.data ?? "");
    const cpu = (): number =>
      target.nodes.reduce((sum, { pid }) => sum + cpuSeconds(pid() ?? 0), 0);
    const [cpuBefore, began] = [cpu(), performance.now()];
    const shape = {
      ...STANDARD_SHAPE,
      recordsPerRequest: RECORDS_PER_REQUEST,
      inFlight: 8,
      sample: auditText,
    };
    const { signal } = options;
    const accepted = await fill(target, { shape, records, signal });
    const seconds = (performance.now() - began) / 1000;
    return {
      diskBytesPerRecord: (diskBytes(node?.data ?? "") - before) / accepted,
      recordsPerSecond: Math.round(accepted / seconds),
      cpuSecondsPerMillion: ((cpu() - cpuBefore) * 1e6) / accepted,
    };
  } finally {
    await target.close();
  }
}
