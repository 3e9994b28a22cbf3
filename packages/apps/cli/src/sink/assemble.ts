import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { LaneGrant } from "@annals/client";
import {
  ClientLane,
  ClientLog,
  DeadLetterLog,
  deadLetterLogOf,
  SinkRunner,
  SYSTEM_CLOCK,
} from "@annals/sinks";
import type { Sink, SinkLimits } from "@annals/sinks";
import { sinkMaker } from "./makeSink.ts";
import type { MakeSink } from "./makeSink.ts";
import type { SinkSpec } from "./sinkSchema.ts";
import type { SinkSite } from "./sinkSite.ts";

/** The server takes no more. */
const FEEDS_CHARACTERS_MAX = 256;
/** Enough of a fingerprint to tell one from another. */
const SETTINGS_DIGITS = 12;

/** One lane of a sink of a file. */
export interface SinkLane {
  readonly sink: () => Sink<unknown>;
  readonly source: ClientLog;
  readonly lane: ClientLane;
  readonly group: string;
}

/** See `SinkCursor.scope`. Another number of lanes, or another key, deals the records out in another way. */
export function scopeOf(
  { cluster }: SinkSite,
  { log, lanes, laneKey }: SinkSpec,
  lane: number,
): string {
  const share = lanes === 1 ? "" : `, lane ${lane} of ${lanes} by ${laneKey}`;
  return `cluster ${cluster}, log ${log}${share}`;
}

export function deadLetterLogFor({ log, deadLetters }: SinkSpec): string {
  return deadLetters.log ?? deadLetterLogOf(log);
}

export function groupOf(name: string, { group }: SinkSpec): string {
  return group ?? `sink.${name}`;
}

/** What a group's consumers must have in common: which sink it is, what kind of place it feeds, and how. A place may move. */
export function groupSettings(name: string, { target, settings }: Sink<unknown>): string {
  return `sink ${name}, ${target.split(" ")[0] ?? ""}, ${settings.slice(0, SETTINGS_DIGITS)}`;
}

/** What a group feeds, the same for each of its lanes. */
export function feedsOf({ lanes }: SinkSpec, make: MakeSink): string {
  const { target } = make(0);
  return (lanes === 1 ? target : target.replace(/\/lane-0$/, "")).slice(0, FEEDS_CHARACTERS_MAX);
}

export function sinkLane(
  site: SinkSite,
  name: string,
  spec: SinkSpec,
  make: MakeSink,
  lane: number,
): SinkLane {
  const { client } = site;
  const { log, lanes, laneKey, from } = spec;
  const group = groupOf(name, spec);
  const sink = (): Sink<unknown> => make(lane);
  const share = lanes === 1 ? {} : { lane: `${lane}/${lanes}`, laneKey };
  const settings = groupSettings(name, sink());
  const feeds = feedsOf(spec, make);
  // A process that ends without a word leaves its lane to the lease: a new one must not look like the old one.
  const member = `${hostname()}:${process.pid}:${randomUUID()}`;
  return {
    sink,
    source: new ClientLog({ client, log, ...share }),
    lane: new ClientLane({ client, log, group, lane, lanes, from, settings, feeds, member }),
    group,
  };
}

/** One runner a lane. Rejects for what cannot be made of the file here, such as a missing secret. */
export async function sinkRunners(
  site: SinkSite,
  name: string,
  spec: SinkSpec,
): Promise<readonly SinkRunner<unknown>[]> {
  const make = await sinkMaker(site, name, spec);
  const letters = deadLetterLogFor(spec);
  return Array.from({ length: spec.lanes }, (_, lane) => {
    const { sink, source, lane: groupLane, group } = sinkLane(site, name, spec, make, lane);
    return new SinkRunner({
      name,
      log: spec.log,
      letters,
      scope: scopeOf(site, spec, lane),
      group,
      lane,
      sink,
      source,
      groupLane,
      deadLetters: new DeadLetterLog({
        client: site.client,
        log: spec.log,
        deadLetterLog: letters,
        sink: name,
        lane,
      }),
      clock: SYSTEM_CLOCK,
      randomBelow: (n) => Math.floor(Math.random() * n),
      limits: limitsOf(spec),
      start: startOf(spec),
      note: (text) => site.note(`${name}/${lane}: ${text}`),
    });
  });
}

function limitsOf({
  chunkSize,
  chunkBytes,
  readBytes,
  deadLetters,
}: SinkSpec): Partial<SinkLimits> {
  const { max: deadLettersMax, part: deadLettersPart } = deadLetters;
  const given = { chunkSize, chunkBytes, readBytes, deadLettersMax, deadLettersPart };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/**
 * A database that has lost everything is filled again from where the sink began: `end` and a time were places when the group was made,
 * which remembers them. A sink that keeps no cursor goes on where its group is.
 */
function startOf({ from, to }: SinkSpec): (grant: LaneGrant) => Promise<number> {
  const keepsCursor = to.webhook === undefined;
  return async ({ position, begin }) => {
    if (!keepsCursor) return position;
    if (from === "first") return 0;
    return typeof from === "number" ? from : begin;
  };
}
