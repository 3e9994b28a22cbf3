import type { ClusterStatus } from "@annals/client";
import type { WaitBodies, WaitCondition } from "../language/scenario.ts";
import type { Site } from "./site.ts";

type Look = () => Promise<boolean> | boolean;

/** What a condition means, made ready when its step begins: resolves to what looks whether it is so. */
type Waits = {
  readonly [Kind in keyof WaitBodies]: (site: Site, body: WaitBodies[Kind]) => Promise<Look> | Look;
};

const WAITS: Waits = {
  converged: async (site, body) => {
    const ids = body === true ? undefined : await site.resolveAll(body);
    return () => isConverged(site, ids ?? site.running);
  },
  caughtUp: async (site, refs) => {
    const ids = await site.resolveAll(refs);
    const records = new Map(site.scenario.logs.map((log) => [log, site.ledger.recordsOf(log)]));
    return async () => {
      const statuses = await Promise.all(ids.map((id) => site.cluster.status(id)));
      return statuses.every((status) => hasAll(status, records));
    };
  },
  leader: (site) => async () => {
    const statuses = await site.cluster.statuses();
    return site.scenario.logs.every((name) =>
      statuses.some((status, k) =>
        status?.logs.some((log) => log.name === name && log.leader === site.cluster.ids[k]),
      ),
    );
  },
  ready: async (site, refs) => {
    const ids = await site.resolveAll(refs);
    return async () => {
      const answers = await Promise.all(
        ids.map((id) => site.client(id).health(site.cluster.node(id).url)),
      );
      return answers.every(({ ready }) => ready);
    };
  },
  progress: async (site, { node, records }) => {
    const id = await site.resolve(node);
    const before = site.watch.records(id);
    return async () => {
      await site.cluster.status(id);
      return site.watch.records(id) >= before + records;
    };
  },
  gauge: async (site, { name, node, atLeast }) => {
    const id = await site.resolve(node);
    return async () => {
      const status = await site.cluster.status(id);
      return (status?.memory?.rows.find((row) => row.name === name)?.current ?? 0) >= atLeast;
    };
  },
  pauses: async (site, { reason, node, atLeast }) => {
    const id = await site.resolve(node);
    const before = site.watch.pauses(id).get(reason) ?? 0;
    return async () => {
      await site.cluster.status(id);
      return (site.watch.pauses(id).get(reason) ?? 0) - before >= atLeast;
    };
  },
  logLine: async (site, { node, matches }) => {
    const book = site.book(await site.resolve(node));
    await book.read();
    const before = book.matches(matches).count;
    return async () => {
      await book.read();
      return book.matches(matches).count > before;
    };
  },
  reason: async (site, { node, matches }) => {
    const id = await site.resolve(node);
    const pattern = new RegExp(matches, "i");
    return async () => {
      const status = await site.cluster.status(id);
      return status?.reasons.some((reason) => pattern.test(reason)) === true;
    };
  },
  workerDeaths: async (site, { node, atLeast }) => {
    const book = site.book(await site.resolve(node));
    await book.read();
    const before = book.deaths.length;
    return async () => {
      await book.read();
      return book.deaths.length - before >= atLeast;
    };
  },
  prints: (site, { run, matches }) => {
    const pattern = new RegExp(matches);
    return async () => pattern.test(await site.programs.output(run));
  },
};

/** What looks whether a condition holds; counts that a condition speaks of begin here. */
export function conditionOf(site: Site, condition: WaitCondition): Promise<Look> | Look {
  const begin = WAITS[condition.kind] as (site: Site, body: unknown) => Promise<Look> | Look;
  return begin(site, condition.body);
}

function hasAll(status: ClusterStatus | undefined, records: ReadonlyMap<string, number>): boolean {
  return [...records].every(
    ([name, count]) => (status?.logs.find((log) => log.name === name)?.lastSeq ?? -1) >= count,
  );
}

/** The same last hash everywhere, of logs that hold everything that was acknowledged. */
export async function isConverged(site: Site, ids: readonly string[]): Promise<boolean> {
  const statuses = await Promise.all(ids.map((id) => site.cluster.status(id)));
  return site.scenario.logs.every((name) => {
    const logs = statuses.map((status) => status?.logs.find((log) => log.name === name));
    const [first] = logs;
    if (first?.headHash === undefined || first.lastSeq < site.ledger.recordsOf(name)) return false;
    const { headHash, appliedIndex } = first;
    return logs.every(
      (log) => log !== undefined && log.headHash === headHash && log.appliedIndex === appliedIndex,
    );
  });
}
