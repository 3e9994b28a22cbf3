import { join } from "node:path";

/** The last line that a program printed, and the ones before it. */
export interface Printed {
  readonly last: Readonly<Record<string, unknown>>;
  readonly all: readonly Readonly<Record<string, unknown>>[];
}

export interface Figure {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** So few that it is over in seconds: shows that it runs, and nothing about size. */
  readonly short: readonly string[];
  readonly aim: string;
  readonly found: (printed: Printed) => string;
  /** Beside its exit code, which has to be 0. */
  readonly holds: (printed: Printed) => boolean;
}

const HERE = import.meta.dirname;
const GRAPH = join(HERE, "../../packages/graph/bench");
const RATIO_MAX = 1.5;
const DEGREE_MAX = 10_000;
const ROWS_MIN = 0.8;
const CATCH_UP_MIN = 2;
/** A slope that is no more than so many standard errors above 0 is 0. */
const ERRORS_MAX = 2;

const exits = (): boolean => true;

function numberAt(value: unknown, ...path: readonly string[]): number {
  let found: unknown = value;
  for (const name of path)
    found = typeof found === "object" && found !== null ? Reflect.get(found, name) : Number.NaN;
  return Number(found);
}

function slopeText(last: Printed["last"], what: string): string {
  const [first, end] = [numberAt(last, what, "firstMiB"), numberAt(last, what, "lastMiB")];
  const slope = numberAt(last, what, "slopePerMinute");
  return `${first} to ${end} MiB (${slope} ± ${errorAt(last, what)} a minute)`;
}

/** Of a slope; infinite where too few samples say nothing about it. */
function errorAt(last: Printed["last"], what: string): number {
  return numberAt(last, what, "standardError") || Number.POSITIVE_INFINITY;
}

function outage(name: string, args: readonly string[], short: readonly string[]): Figure {
  return {
    name,
    program: join(HERE, "outage.ts"),
    args,
    short,
    aim: "nothing is held on to while the place is away; all there; caught up at ≥ 2 × the load",
    found: ({ last }) =>
      `away for ${last["awaySeconds"]} s and ${last["lag"]} records: live heap ${slopeText(last, "liveHeap")}, ` +
      `anonymous memory ${slopeText(last, "memory")}; ${last["missing"]} missing, ${last["deadLetters"]} dead letters; ` +
      `caught up with ${last["catchUpPerSecond"]}/s beside ${last["loadPerSecond"]}/s (${last["ratio"]} ×)`,
    holds: ({ last }) => {
      const slope = numberAt(last, "liveHeap", "slopePerMinute");
      const isFlat = slope <= ERRORS_MAX * errorAt(last, "liveHeap");
      return isFlat && last["settledSeconds"] !== null && numberAt(last, "ratio") >= CATCH_UP_MIN;
    },
  };
}

export const FIGURES: readonly Figure[] = [
  {
    name: "exact",
    program: join(GRAPH, "exact.ts"),
    args: [],
    short: ["500", "3"],
    aim: "the graph is what a fold of the log is",
    found: ({ last }) =>
      `${last["records"]} records, ${last["kills"]} kills, ${last["ambiguous"]} commits without an answer: ` +
      `${last["same"] === true ? "the same" : "ANOTHER"} hash`,
    holds: exits,
  },
  {
    name: "poison",
    program: join(GRAPH, "poison.ts"),
    args: [],
    short: ["3000"],
    aim: "exactly the bad ones are dead letters",
    found: ({ last }) =>
      `${last["records"]} records, ${last["bad"]} bad: ${last["letters"]} letters, residual ${last["residual"]}`,
    holds: exits,
  },
  outage("outage", [], ["--records", "300", "--seconds", "3", "--rate", "20", "--settle", "1"]),
  outage(
    "outage-bolt",
    ["--to", "bolt", "--records", "15000", "--rate", "100"],
    ["--to", "bolt", "--records", "300", "--seconds", "3", "--rate", "20", "--settle", "1"],
  ),
  {
    name: "takeover",
    program: join(HERE, "takeover.ts"),
    args: [],
    short: ["--times", "1", "--lease", "2"],
    aim: "nothing lost, nothing twice; as long as the lease and what it takes to begin",
    found: ({ last, all }) =>
      all
        .filter((one) => one["way"] !== undefined)
        .map(
          ({ way, p50Ms, p99Ms, maxMs }) => `${way}: p50 ${p50Ms}, p99 ${p99Ms}, max ${maxMs} ms`,
        )
        .concat(
          `lease ${last["leaseSeconds"]} s; ${last["missing"]} missing, ${last["twice"]} twice`,
        )
        .join("; "),
    holds: exits,
  },
  {
    name: "git",
    program: join(HERE, "git.ts"),
    args: [],
    short: ["--commits", "60"],
    aim: "each change of the history is one event",
    found: ({ last }) =>
      `${last["commits"]} commits, ${last["records"]} records: ${last["events"]} events, ${last["recordsPerSecond"]}/s`,
    holds: exits,
  },
  {
    name: "writers",
    program: join(GRAPH, "writers.ts"),
    args: [],
    short: ["2"],
    aim: "32 writers on one key: 0 dropped, 0 conflicts with lanes",
    found: ({ all }) =>
      all
        .map(
          ({ way, conflicts, dropped, perSecond }) =>
            `${way}: ${conflicts} conflicts, ${dropped} dropped, ${perSecond}/s`,
        )
        .join("; "),
    holds: ({ last, all }) => last["conflicts"] === 0 && all.every(({ dropped }) => dropped === 0),
  },
  {
    name: "rows",
    program: join(GRAPH, "rows.ts"),
    args: [],
    short: ["1000"],
    aim: "≥ 80 % of the rows that the bare engine writes",
    found: ({ last }) =>
      `${last["sinkRowsPerSecond"]} beside ${last["bareRowsPerSecond"]} rows/s: ${last["ratio"]} (by CPU ${last["ratioCpu"]})`,
    holds: ({ last }) => numberAt(last, "ratio") >= ROWS_MIN,
  },
  {
    name: "hub",
    program: join(GRAPH, "hub.ts"),
    args: [],
    short: ["2000"],
    aim: "p99 of the last tenth's chunks ≤ 1.5 × the first tenth's; degree ≤ 10 000",
    found: ({ last }) =>
      `${last["records"]} records of one actor: ${last["ratioP99Beside"]} × beside each other, ${last["ratioP99"]} × ` +
      `one after the other; degree ${numberAt(last, "widest", "degree")}`,
    holds: ({ last }) =>
      numberAt(last, "ratioP99Beside") <= RATIO_MAX &&
      numberAt(last, "widest", "degree") <= DEGREE_MAX,
  },
];
