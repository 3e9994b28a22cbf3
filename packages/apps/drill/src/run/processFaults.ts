import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import type { StepBodies } from "../language/scenario.ts";
import { StepFailure } from "./outcome.ts";
import type { Site } from "./site.ts";

const TRANSFER_WITHIN_MS = 30_000;
const WORKER_ENDS_WITHIN_MS = 10_000;

/** Whether a process with this id exists. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Down until `start`. */
export async function takeDown(
  site: Site,
  refs: readonly string[],
  how: "kill" | "stop",
): Promise<void> {
  for (const id of await site.resolveAll(refs)) {
    const node = site.cluster.node(id);
    const { pid } = node;
    if (pid === undefined) throw new StepFailure(`node ${id} is down already`);
    // What it counted until now is not lost with it.
    if (!node.frozen) await site.cluster.status(id);
    site.faultStruck();
    await node[how]();
    const done = how === "kill" ? "killed" : "stopped";
    await site.faults.struck(`${how} ${id}`, () => (exists(pid) ? undefined : `${id} ${done}`));
  }
}

export async function start(site: Site, refs: readonly string[]): Promise<void> {
  for (const id of await site.resolveAll(refs)) {
    const node = site.cluster.node(id);
    if (node.running) throw new StepFailure(`node ${id} runs already`);
    node.release();
  }
}

export async function freeze(site: Site, { node: ref }: StepBodies["freeze"]): Promise<void> {
  const id = await site.resolve(ref);
  const node = site.cluster.node(id);
  await site.cluster.status(id);
  site.faultStruck();
  node.freeze();
  const { pid } = node;
  await site.faults.struck(`freeze ${id}`, () => {
    if (pid === undefined) return undefined;
    if (!existsSync("/proc/self/stat")) return `${id} told to stop`;
    return isStopped(pid) ? `${id} frozen` : undefined;
  });
}

/** State T of proc(5). */
function isStopped(pid: number): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

export async function thaw(site: Site, refs: readonly string[]): Promise<void> {
  await site.faults.look();
  for (const id of await site.resolveAll(refs)) site.cluster.node(id).thaw();
}

/** The node comes back with an empty disk. */
export async function wipe(site: Site, refs: readonly string[]): Promise<void> {
  for (const id of await site.resolveAll(refs)) {
    const node = site.cluster.node(id);
    if (!node.running) throw new StepFailure(`node ${id} is down`);
    await site.cluster.status(id);
    site.faultStruck();
    await node.kill();
    const held = readdirSync(node.data).length;
    const lost = `${node.data}.lost`;
    await rename(node.data, lost);
    await mkdir(node.data);
    await rm(lost, { recursive: true, force: true });
    await site.faults.struck(`wipe ${id}`, () => (held > 0 ? `${id} lost its disk` : undefined));
    node.release();
  }
}

export async function killWorker(
  site: Site,
  { node: ref, log = "" }: StepBodies["killWorker"],
): Promise<void> {
  const id = await site.resolve(ref);
  const deaths = (): number => site.book(id).deaths.length;
  await site.book(id).read();
  const before = deaths();
  site.faultStruck();
  writeFileSync(site.controlFile(id, "end-worker"), log);
  await site.until(WORKER_ENDS_WITHIN_MS, `a worker of ${id} ends`, async () => {
    await site.book(id).read();
    return deaths() > before;
  });
  await site.faults.struck(`killWorker ${id}`, () => `a worker of ${id} ended`);
}

export async function poison(site: Site, { node: ref, log }: StepBodies["poison"]): Promise<void> {
  const id = await site.resolve(ref);
  await site.book(id).read();
  const before = site.book(id).deaths.length;
  site.faultStruck();
  writeFileSync(site.controlFile(id, "end-worker.poison"), log);
  await site.faults.struck(`poison ${log} on ${id}`, async () => {
    await site.book(id).read();
    const ended = site.book(id).deaths.length - before;
    return ended > 0 ? `${log} ended workers of ${id}` : undefined;
  });
}

export async function cure(site: Site, refs: readonly string[]): Promise<void> {
  await site.faults.look();
  for (const id of await site.resolveAll(refs))
    rmSync(site.controlFile(id, "end-worker.poison"), { force: true });
}

/** Whoever leads already stays; the election that it takes is not counted. */
export async function transfer(
  site: Site,
  { to: ref, log = site.scenario.logs[0] ?? "" }: StepBodies["transfer"],
): Promise<void> {
  const to = await site.resolve(ref);
  await site.readBooks();
  const before = site.elections;
  await site.until(TRANSFER_WITHIN_MS, `${to} leads ${log}`, async () => {
    if ((await site.leaderOf(log)) === to) return true;
    await site
      .client()
      .transferLeadership(log, to, { signal: site.signal })
      .catch(() => undefined);
    return false;
  });
  await site.readBooks();
  site.electionsAskedFor += site.elections - before;
}
