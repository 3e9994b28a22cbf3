import { join } from "node:path";

/** What a program printed: one object a line. */
export type Line = Readonly<Record<string, unknown>>;

export interface Figure {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** So few that it is over in seconds: shows that it runs, and nothing about size. */
  readonly short: readonly string[];
  readonly aim: string;
  /** What each line with a `way` says: a text with places, such as `{way}: {conflicts} conflicts`. */
  readonly ways?: string;
  /** What the last line says. */
  readonly found?: string;
  /** Beside its exit code, which has to be 0. */
  readonly holds?: (last: Line, all: readonly Line[]) => boolean;
}

const HERE = import.meta.dirname;
const GRAPH = join(HERE, "../../packages/clients/graph/bench");
const RATIO_MAX = 1.5;
const DEGREE_MAX = 10_000;
const ROWS_MIN = 0.8;
const CATCH_UP_MIN = 2;
/** A slope that is no more than so many standard errors above 0 is 0. */
const ERRORS_MAX = 2;

function numberAt(line: Line, path: string): number {
  return Number(valueAt(line, path) ?? Number.NaN);
}

function valueAt(line: Line, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (found, name) =>
        typeof found === "object" && found !== null ? Reflect.get(found, name) : undefined,
      line,
    );
}

/** A text whose places, names of fields, are filled. */
export function filled(template: string, line: Line): string {
  return template.replaceAll(/\{([\w.]+)\}/g, (_, path: string) => String(valueAt(line, path)));
}

function outage(name: string, args: readonly string[], short: readonly string[]): Figure {
  const slope = (what: string): string =>
    `{${what}.firstMiB} to {${what}.lastMiB} MiB ({${what}.slopePerMinute} ± {${what}.standardError} a minute)`;
  return {
    name,
    program: join(HERE, "outage.ts"),
    args,
    short,
    aim: "nothing is held on to while the place is away; all there; caught up at ≥ 2 × the load",
    found:
      `away for {awaySeconds} s and {lag} records: live heap ${slope("liveHeap")}, ` +
      `anonymous memory ${slope("memory")}; {missing} missing, {deadLetters} dead letters; ` +
      "caught up with {catchUpPerSecond}/s beside {loadPerSecond}/s ({ratio} ×)",
    holds: (last) => {
      // Too few samples say nothing.
      const error = numberAt(last, "liveHeap.standardError") || Number.POSITIVE_INFINITY;
      const isFlat = numberAt(last, "liveHeap.slopePerMinute") <= ERRORS_MAX * error;
      const isSettled = numberAt(last, "settledSeconds") > 0;
      return isFlat && isSettled && numberAt(last, "ratio") >= CATCH_UP_MIN;
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
    found:
      "{records} records, {kills} kills, {ambiguous} commits without an answer; same hash: {same}",
  },
  {
    name: "poison",
    program: join(GRAPH, "poison.ts"),
    args: [],
    short: ["3000"],
    aim: "exactly the bad ones are dead letters",
    found: "{records} records, {bad} bad: {letters} letters, residual {residual}",
  },
  outage("outage", [], ["--records", "300", "--seconds", "3", "--rate", "20", "--settle", "1"]),
  outage(
    "outage-bolt",
    ["--to", "bolt", "--records", "6000", "--rate", "25"],
    ["--to", "bolt", "--records", "300", "--seconds", "3", "--rate", "20", "--settle", "1"],
  ),
  {
    name: "takeover",
    program: join(HERE, "takeover.ts"),
    args: [],
    short: ["--times", "1", "--lease", "2", "--only", "SIGKILL"],
    aim: "nothing lost, nothing twice; as long as the lease and what it takes to begin",
    ways: "{way}: p50 {p50Ms}, p99 {p99Ms}, max {maxMs} ms",
    found: "lease {leaseSeconds} s; {missing} missing, {twice} twice",
  },
  {
    name: "git",
    program: join(HERE, "git.ts"),
    args: [],
    short: ["--commits", "60"],
    aim: "each change of the history is one event",
    found: "{commits} commits, {records} records: {events} events, {recordsPerSecond}/s",
  },
  {
    name: "writers",
    program: join(GRAPH, "writers.ts"),
    args: [],
    short: ["2"],
    aim: "32 writers on one key: 0 dropped, 0 conflicts with lanes",
    ways: "{way}: {conflicts} conflicts, {dropped} dropped, {perSecond}/s",
    holds: (last, all) => last["conflicts"] === 0 && all.every(({ dropped }) => dropped === 0),
  },
  {
    name: "rows",
    program: join(GRAPH, "rows.ts"),
    args: [],
    short: ["1000"],
    aim: "≥ 80 % of the rows that the bare engine writes",
    found: "{sinkRowsPerSecond} beside {bareRowsPerSecond} rows/s: {ratio} (by CPU {ratioCpu})",
    holds: (last) => numberAt(last, "ratio") >= ROWS_MIN,
  },
  {
    name: "hub",
    program: join(GRAPH, "hub.ts"),
    args: [],
    short: ["2000"],
    aim: "p99 of the last tenth's chunks ≤ 1.5 × the first tenth's; degree ≤ 10 000",
    found:
      "{records} records of one actor: {ratioP99Beside} × beside each other, {ratioP99} × " +
      "one after the other; degree {widest.degree}",
    holds: (last) =>
      numberAt(last, "ratioP99Beside") <= RATIO_MAX &&
      numberAt(last, "widest.degree") <= DEGREE_MAX,
  },
];
