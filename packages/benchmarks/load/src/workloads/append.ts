import type { Target } from "../cluster/target.ts";
import { BenchError } from "../benchError.ts";
import { Drive } from "../load/drive.ts";
import type { DriveProgress, Pace } from "../load/drive.ts";
import { buildLoad } from "../load/buildLoad.ts";
import type { LoadShape } from "../load/buildLoad.ts";
import type { LatencySummary } from "../measure/latencies.ts";
import { Meter } from "../measure/meter.ts";
import type { ProcessUse } from "../measure/meter.ts";

export interface AppendOptions {
  readonly shape: LoadShape;
  readonly pace: Pace;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: DriveProgress) => void;
  readonly onAccepted?: (lastSeq: number, dueMs: number) => void;
}

export interface AppendFigures {
  readonly kind: "append";
  readonly seconds: number;
  readonly requests: number;
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly bodyBytes: number;
  readonly connections: number;
  readonly latency: LatencySummary;
  readonly others: Readonly<Record<string, number>>;
  readonly unsent: number;
  readonly processes: readonly ProcessUse[];
}

/** Appends for a while and reads what that cost. Rejects when not one request was accepted. */
export async function measureAppend(
  target: Target,
  options: AppendOptions,
): Promise<AppendFigures> {
  const { carriers, bodyBytes } = buildLoad(options.shape, target.log, await target.addresses());
  const meter = new Meter(target.nodes, target.log);
  let use: Promise<readonly ProcessUse[]> = Promise.resolve([]);
  try {
    const { onProgress, onAccepted } = options;
    const drive = new Drive({
      carriers,
      pace: options.pace,
      warmUpMs: options.warmUpMs,
      durationMs: options.durationMs,
      signal: options.signal,
      onWindow: (edge) => {
        if (edge === "begin") meter.begin();
        else use = meter.end();
      },
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(onAccepted === undefined
        ? {}
        : { onAccepted: ({ firstSeq, count }, dueMs) => onAccepted(firstSeq + count - 1, dueMs) }),
    });
    const result = await drive.run();
    if (result.requests === 0) throw nothingAccepted(result.others);
    return {
      kind: "append",
      ...result,
      recordsPerSecond: Math.round(result.records / result.seconds),
      bodyBytes,
      connections: options.shape.transport === "http" ? options.shape.inFlight : carriers.length,
      processes: await use,
    };
  } finally {
    meter.close();
  }
}

function nothingAccepted(others: Readonly<Record<string, number>>): BenchError {
  const codes = Object.entries(others).map(([code, count]) => `${count} × ${code}`);
  const why =
    codes.length === 0 ? "no answer in time; measure for longer (--duration)" : codes.join(", ");
  return new BenchError("ERR_BENCH_CLUSTER", `not one request was accepted: ${why}`);
}
