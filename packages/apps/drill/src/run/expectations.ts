import type { Expectation, ExpectationBodies, Limit, LimitWord } from "../language/scenario.ts";
import type { Verdict } from "./outcome.ts";
import { median } from "./rssSampler.ts";
import type { Site } from "./site.ts";
import { CONVERGED_WITHIN_MS, verifyLogs } from "./verifyLogs.ts";
import { isConverged } from "./waits.ts";
import { bytesText } from "../report/numbers.ts";

interface Finding {
  readonly outcome: Verdict["outcome"];
  readonly seen: string;
}

type Judges = {
  readonly [Kind in keyof ExpectationBodies]: (
    site: Site,
    body: ExpectationBodies[Kind],
  ) => Promise<Finding> | Finding;
};

const PROBLEMS_SHOWN = 5;
const PRINTED_SHOWN = 200;
/** Timers of a busy machine fire late, and a late one brings the next one nearer. */
const STAGGER_SLACK_MS = 5;

function finding(passed: boolean, seen: string): Finding {
  return { outcome: passed ? "passed" : "failed", seen };
}

async function nodesOf(site: Site, ref: string | undefined): Promise<readonly string[]> {
  return ref === undefined ? site.cluster.ids : [await site.resolve(ref)];
}

/** Every node is held to it; the text names each. */
async function eachNode(
  site: Site,
  ref: string | undefined,
  look: (id: string) => Finding,
): Promise<Finding> {
  const ids = await nodesOf(site, ref);
  const findings = ids.map((id) => ({ id, ...look(id) }));
  const seen = findings.map((one) => `${one.id}: ${one.seen}`).join(", ");
  const skipped = findings.find(({ outcome }) => outcome === "skipped");
  if (skipped !== undefined) return skipped;
  return finding(
    findings.every(({ outcome }) => outcome === "passed"),
    seen,
  );
}

const NO_PROC: Finding = { outcome: "skipped", seen: "this system has no /proc/<pid>/status" };

function amountOf(limit: Limit, words: Readonly<Partial<Record<LimitWord, number>>>): number {
  return limit.words.reduce((sum, word) => sum + (words[word] ?? 0), limit.amount);
}

const JUDGES: Judges = {
  converged: async (site) => {
    const deadline = CONVERGED_WITHIN_MS;
    await site.until(deadline, "all nodes hold the same logs to the last hash", () =>
      isConverged(site, site.running),
    );
    const problems = await verifyLogs(site);
    const shown = problems.slice(0, PROBLEMS_SHOWN).join("; ");
    const blobs = site.blobs.length === 0 ? "" : ` and ${site.blobs.length} blobs`;
    const good = `${site.ledger.records} records${blobs} on each of ${site.running.join(", ")}`;
    return finding(problems.length === 0, problems.length === 0 ? good : shown);
  },
  peakRssOverIdle: (site, { node, atMost }) =>
    eachNode(site, node, (id) => {
      const memory = site.memory.read(id);
      if (memory === undefined) return NO_PROC;
      const over = memory.peakAnon - memory.idleAnon;
      const most = amountOf(atMost, { budget: site.watch.budget(id) });
      const text = `RssAnon ${bytesText(over)} over idle of at most ${bytesText(most)}`;
      const marks = `VmHWM ${bytesText(memory.highWater)} with file pages`;
      return finding(over <= most, `${text} (${marks})`);
    }),
  rssGrowth: (site, { node, atMostPercent }) =>
    eachNode(site, node, (id) => {
      const memory = site.memory.read(id);
      if (memory === undefined) return NO_PROC;
      const steps = memory.curve.filter(({ atMs }) => atMs <= memory.stepsEndMs);
      const anon = steps.map((sample) => sample.anon);
      const third = Math.floor(anon.length / 3);
      const [early, late] = [median(anon.slice(0, third)), median(anon.slice(-third))];
      const grown = early === 0 ? 0 : ((late - early) * 100) / early;
      const text = `${bytesText(early)} → ${bytesText(late)} (${grown.toFixed(1)} %)`;
      return finding(grown <= atMostPercent, text);
    }),
  peak: (site, { gauge, node, atMost }) =>
    eachNode(site, node, (id) => {
      const seen = site.watch.peaks(id).get(gauge);
      if (seen === undefined) return finding(false, "its status has no such queue");
      const { cap, item, largest, unit } = seen;
      const most = amountOf(atMost, { cap, item });
      const show = (amount: number): string =>
        unit === "bytes" ? bytesText(amount) : String(amount);
      return finding(largest <= most, `${show(largest)} of at most ${show(most)}`);
    }),
  pauses: (site, { reason, node, atLeast, atMost }) =>
    eachNode(site, node, (id) => {
      const count = site.watch.pauses(id).get(reason) ?? 0;
      return finding(count >= atLeast && count <= (atMost ?? count), `${count}`);
    }),
  pausesReleased: async (site) => {
    const held = site.running.flatMap((id) =>
      (site.watch.status(id)?.logs ?? []).flatMap(({ name, replicas }) =>
        replicas.flatMap(({ paused }) => paused.map((reason) => `${id} ${name}: ${reason}`)),
      ),
    );
    return finding(held.length === 0, held.length === 0 ? "none is held" : held.join(", "));
  },
  elections: (site, most) => finding(site.elections <= most, `${site.elections}`),
  logLine: (site, { node, matches, atLeast }) =>
    eachNode(site, node, (id) => {
      const { count, lines } = site.book(id).matches(matches);
      return finding(count >= atLeast, `${count}${lines[0] === undefined ? "" : `: ${lines[0]}`}`);
    }),
  noLogLine: (site, matches) =>
    eachNode(site, undefined, (id) => {
      const { count, lines } = site.book(id).matches(matches);
      return finding(count === 0, count === 0 ? "none" : `${count}: ${lines.join(" | ")}`);
    }),
  workerDeaths: (site, { node, atLeast, atMost }) =>
    eachNode(site, node, (id) => {
      const { length } = site.book(id).deaths;
      return finding(length >= atLeast && length <= (atMost ?? length), `${length}`);
    }),
  reassignments: (site, { node, spacedBy, atLeast }) =>
    eachNode(site, node, (id) => {
      const times = site.book(id).handovers.map(({ atMs }) => atMs);
      const gaps = times.slice(1).map((atMs, k) => atMs - (times[k] ?? 0));
      const least = gaps.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...gaps);
      const text = `${times.length} handed over, at least ${least} ms apart`;
      return finding(times.length >= atLeast && least >= spacedBy - STAGGER_SLACK_MS, text);
    }),
  onlyOrphansMoved: (site, node) =>
    eachNode(site, node, (id) => {
      const { deaths, handovers } = site.book(id);
      const orphans = new Set(deaths.flatMap(({ logs }) => logs));
      const others = handovers.map(({ log }) => log).filter((log) => !orphans.has(log));
      const stayed = site.scenario.logs.filter((log) => !orphans.has(log)).length;
      const text = `${orphans.size} logs of dead workers moved, ${stayed} others stayed`;
      return finding(others.length === 0, others.length === 0 ? text : others.join(", "));
    }),
  resumesLater: (site, node) =>
    eachNode(site, node, (id) => {
      const starts = site.watch.starts(id).slice(1);
      const wrong = starts.find(
        ({ entries, appliedBefore }, k) =>
          entries < appliedBefore || appliedBefore <= (starts[k - 1]?.appliedBefore ?? -1),
      );
      const text = starts.map((one) => `${one.appliedBefore} → ${one.entries}`).join(", ");
      return finding(
        starts.length > 1 && wrong === undefined,
        `entries applied before → had at each start: ${text}`,
      );
    }),
  timeToFirstCommit: (site, { atMost }) =>
    finding(site.longestWaitMs <= atMost, `${Math.round(site.longestWaitMs)} ms`),
  linkFaults: (site, { node, code, atMost }) =>
    eachNode(site, node, (id) => {
      const count = site.watch.linkFaults(id).get(code) ?? 0;
      return finding(count <= atMost, `${count}`);
    }),
  prints: async (site, { run, matches }) => {
    const output = await site.programs.output(run);
    const [line = ""] = output.trim().split("\n");
    return finding(new RegExp(matches).test(output), line.slice(0, PRINTED_SHOWN));
  },
};

/** Holds a cluster, at the end of its steps, to one expectation. */
export async function judge(site: Site, { kind, body, text }: Expectation): Promise<Verdict> {
  const look = JUDGES[kind] as (site: Site, body: unknown) => Promise<Finding> | Finding;
  try {
    return { text, ...(await look(site, body)) };
  } catch (error) {
    site.signal.throwIfAborted();
    return { text, ...finding(false, error instanceof Error ? error.message : String(error)) };
  }
}
