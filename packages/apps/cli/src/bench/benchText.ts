import type {
  AppendFigures,
  CatchUpFigures,
  ConsumeFigures,
  LatencySummary,
  LoadShape,
  MixedFigures,
  Pace,
  ProcessUse,
} from "@annals/load";
import { formatCount } from "../program/output.ts";
import { renderTable } from "../program/table.ts";
import type { TableLook } from "../program/table.ts";

export type Figures = AppendFigures | CatchUpFigures | ConsumeFigures | MixedFigures;

const MEBIBYTE = 2 ** 20;
const BARS = "▁▂▃▄▅▆▇█";

/** Two columns: what, and how much. */
type Line = readonly [what: string, text: string];

export function shapeText(shape: LoadShape, pace: Pace, seconds: number): string {
  const { recordsPerRequest, inFlight, transport, recordBytes, sample, format, compression } =
    shape;
  const size = sample === undefined ? `of ${recordBytes} bytes` : "of the sample";
  const loop =
    pace.kind === "closed"
      ? "closed loop"
      : `open loop, ${formatCount(pace.requestsPerSecond)} requests/s`;
  const packed = compression === "none" ? format : `${format}, ${compression}`;
  return (
    `${formatCount(recordsPerRequest)} a request, ${size} (${packed}), ${formatCount(inFlight)} in flight over ${transport}; ` +
    `${loop}, ${seconds} s`
  );
}

export function figuresText(figures: Figures, look: TableLook): string {
  switch (figures.kind) {
    case "append":
      return page(appendLines(figures), figures, look);
    case "mixed":
      return page([...appendLines(figures), ...mixedLines(figures)], figures, look);
    case "consume":
      return page(consumeLines(figures), figures, look);
    case "catchUp":
      return linesText(catchUpLines(figures));
    default:
      return figures satisfies never;
  }
}

function appendLines(figures: AppendFigures | MixedFigures): readonly Line[] {
  const { recordsPerSecond, latency, others, unsent, bodyBytes, requests, seconds } = figures;
  return [
    ["records/s", formatCount(recordsPerSecond)],
    ["requests/s", `${formatCount(requests / seconds)}, of ${formatCount(bodyBytes)} bytes`],
    ["latency, ms", latencyText(latency)],
    ...Object.entries(others).map(
      ([code, count]): Line => ["not accepted", `${formatCount(count)} × ${code}`],
    ),
    ...(unsent === 0
      ? []
      : [
          [
            "due, not sent",
            `${formatCount(unsent)}: everything that may be in flight was`,
          ] as const,
        ]),
  ];
}

function mixedLines({
  consumers,
  delivery,
  delivered,
  deliveryMissed,
  lag,
}: MixedFigures): readonly Line[] {
  const missed = deliveryMissed === 0 ? "" : `; ${formatCount(deliveryMissed)} not known`;
  return [
    [
      "delivered",
      `${formatCount(delivered)} to ${consumers}; at the end ${formatCount(lag)} behind`,
    ],
    ["delivery, ms", `${latencyText(delivery)}${missed}`],
  ];
}

function consumeLines(figures: ConsumeFigures): readonly Line[] {
  const { recordsPerSecond, records, consumers, decoded, bytesPerSecond, seconds } = figures;
  return [
    ["records/s", `${formatCount(recordsPerSecond)}${decoded ? ", each decoded" : ", as bytes"}`],
    ["megabytes/s", (bytesPerSecond / 1e6).toFixed(0)],
    ["read", `${formatCount(records)} by ${consumers} in ${seconds.toFixed(2)} s`],
  ];
}

function catchUpLines(figures: CatchUpFigures): readonly Line[] {
  const { recordsPerSecond, records, seconds, secondsFromFirstAnswer, follower } = figures;
  const { idleAnon, peakAnon, peakRss } = follower;
  return [
    ["records/s", formatCount(recordsPerSecond)],
    [
      "time",
      `${formatCount(records)} in ${seconds.toFixed(2)} s from the start of the process, ` +
        `${secondsFromFirstAnswer.toFixed(2)} s from its first answer`,
    ],
    ["CPU", `${((follower.cpuSeconds * 1e6) / records).toFixed(2)} s per million records`],
    [
      "memory",
      `anonymous ${mebibytes(idleAnon)} MiB idle, ${mebibytes(peakAnon)} at most; resident ${mebibytes(peakRss)} at most`,
    ],
    ["disk", `${figures.diskBytesPerRecord.toFixed(0)} bytes a record`],
    ["filled with", `${formatCount(figures.fillRecordsPerSecond)} records/s, by two nodes`],
  ];
}

function latencyText({ p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: LatencySummary): string {
  const all = { p50: p50Ms, p90: p90Ms, p99: p99Ms, "p99.9": p999Ms, max: maxMs };
  return Object.entries(all)
    .map(([name, ms]) => `${name} ${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)}`)
    .join("  ");
}

function page(
  lines: readonly Line[],
  figures: Exclude<Figures, CatchUpFigures>,
  look: TableLook,
): string {
  return `${linesText(lines)}\n${processTable(figures.processes, figures.records, figures.seconds, look)}`;
}

function linesText(lines: readonly Line[]): string {
  return lines.map(([what, text]) => `${what.padEnd(14)}${text}\n`).join("");
}

function processTable(
  processes: readonly ProcessUse[],
  records: number,
  seconds: number,
  look: TableLook,
): string {
  const perMillion = (use: ProcessUse): string => ((use.cpuSeconds * 1e6) / records).toFixed(2);
  const known = <T>(value: T | undefined, text: (value: T) => string): string =>
    value === undefined ? "?" : text(value);
  const table = renderTable(
    [
      { title: "PROCESS", value: ({ name }) => name },
      { title: "ROLE", value: ({ role, local }) => (local ? role : `${role}, not here`) },
      { title: "CPU s/M", value: perMillion, align: "right" },
      { title: "CORES", value: (use) => (use.cpuSeconds / seconds).toFixed(2), align: "right" },
      {
        title: "FLUSHES/s",
        value: ({ flushes }) => known(flushes, (count) => formatCount(count / seconds)),
        align: "right",
      },
      {
        title: "WRITTEN B/REC",
        value: ({ writtenBytes }) => known(writtenBytes, (bytes) => (bytes / records).toFixed(0)),
        align: "right",
      },
      { title: "RSS MiB", value: ({ peakRss }) => known(peakRss, mebibytes), align: "right" },
      { title: "ANON MiB", value: ({ peakAnon }) => known(peakAnon, mebibytes), align: "right" },
      { title: "ANON OVER TIME", value: ({ anonCurve }) => curve(anonCurve) },
    ],
    processes,
    look,
  );
  const all = processes.reduce((sum, use) => sum + use.cpuSeconds, 0);
  const remote = processes.some(({ local }) => !local)
    ? " (nodes that are not here say their CPU and memory themselves)"
    : "";
  return `${table}CPU of all: ${((all * 1e6) / records).toFixed(2)} s per million records${remote}\n`;
}

/** From 0 to the highest. */
function curve(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values.map((value) => BARS[Math.round((value / most) * (BARS.length - 1))] ?? "").join("");
}

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}
