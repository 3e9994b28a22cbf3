import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { assertShape, COMPRESSIONS, FORMATS, recordsOfSample, TRANSPORTS } from "@annals/load";
import type { LoadShape, Pace } from "@annals/load";
import { parseBytes, parseDuration } from "@annals/config";
import { usageError } from "../program/cliError.ts";
import { wholeNumber } from "../program/context.ts";
import type { CliContext, OutputOptions } from "../program/context.ts";

/** Which cluster; without a URL it is a throw-away one. */
export interface TargetOptions extends OutputOptions {
  readonly url?: readonly string[];
  readonly log?: string;
  readonly nodes: string;
  readonly settings?: string;
  readonly data?: string;
}

export interface LoadOptions {
  readonly rate?: string;
  readonly recordsPerRequest: string;
  readonly inFlight: string;
  readonly connections?: string;
  readonly transport: string;
  readonly size: string;
  readonly sample?: string;
  readonly format: string;
  readonly compression: string;
  readonly duration: string;
  readonly warmUp: string;
}

const IN_FLIGHT_MAX = 4_096;
const RECORDS_MAX = 10_000;

/** What the clients do, of the options. Throws usage errors that name them. */
export async function loadShape(context: CliContext, options: LoadOptions): Promise<LoadShape> {
  const inFlight = wholeNumber("--in-flight", options.inFlight, 1, IN_FLIGHT_MAX);
  const sample =
    options.sample === undefined ? undefined : await readSample(context, options.sample);
  const shape: LoadShape = {
    transport: oneOf("--transport", options.transport, TRANSPORTS),
    recordsPerRequest: wholeNumber(
      "--records-per-request",
      options.recordsPerRequest,
      1,
      RECORDS_MAX,
    ),
    inFlight,
    connections:
      options.connections === undefined
        ? undefined
        : wholeNumber("--connections", options.connections, 1, inFlight),
    format: oneOf("--format", options.format, FORMATS),
    compression: oneOf("--compression", options.compression, COMPRESSIONS),
    recordBytes: bytes("--size", options.size),
    sample,
  };
  // Before a cluster is started for it.
  assertShape(shape);
  return shape;
}

/** Requests a second of `--rate`, which counts records; without it the loop is closed. */
export function paceOf({ rate }: LoadOptions, { recordsPerRequest }: LoadShape): Pace {
  if (rate === undefined) return { kind: "closed" };
  const perSecond = wholeNumber("--rate", rate.replace(/\/s$/, ""), 1, 100_000_000);
  return { kind: "open", requestsPerSecond: perSecond / recordsPerRequest };
}

export function duration(option: string, text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw usageError(`${option}: ${parsed.message}`);
  return parsed.value;
}

function bytes(option: string, text: string): number {
  const parsed = /^\d+$/.test(text) ? { ok: true as const, value: Number(text) } : parseBytes(text);
  if (!parsed.ok) throw usageError(`${option}: ${parsed.message}`);
  return parsed.value;
}

function oneOf<Text extends string>(option: string, text: string, all: readonly Text[]): Text {
  const found = all.find((one) => one === text);
  if (found === undefined) throw usageError(`${option} ${text}: expected ${all.join(", ")}`);
  return found;
}

async function readSample(context: CliContext, file: string): Promise<(serial: number) => string> {
  const text = await readFile(resolve(context.io.cwd, file), "utf8");
  try {
    return recordsOfSample(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw usageError(`--sample ${file}: ${error.message}`);
  }
}
