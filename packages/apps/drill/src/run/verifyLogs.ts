import { createHash } from "node:crypto";
import { notDense } from "./appendLedger.ts";
import type { Site } from "./site.ts";

const PAGE_RECORDS = 2000;
/** How long the nodes may take to agree when nothing is wrong any more. */
export const CONVERGED_WITHIN_MS = 120_000;
const PAGE_TIMEOUT_MS = 60_000;

/** What is wrong with the nodes' copies of all logs and blobs, in words; empty when each holds exactly what was acknowledged. */
export async function verifyLogs(site: Site): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const log of site.scenario.logs) {
    const hashes = new Map<string, string>();
    for (const id of site.running) {
      const copy = await readCopy(site, id, log);
      if (copy.problem !== undefined) problems.push(`node ${id}, log ${log}: ${copy.problem}`);
      hashes.set(id, copy.hash);
    }
    const [first] = hashes.values();
    const odd = [...hashes].filter(([, hash]) => hash !== first).map(([id]) => id);
    if (odd.length > 0)
      problems.push(`log ${log}: nodes ${odd.join(", ")} show other bytes than the first one`);
  }
  return [...problems, ...(await verifyBlobs(site))];
}

/** One node's own copy, page by page: a rolling hash over what it shows, and the first thing that is wrong with it. */
async function readCopy(
  site: Site,
  id: string,
  log: string,
): Promise<{ readonly hash: string; readonly problem: string | undefined }> {
  const hash = createHash("sha256");
  const isForeign = site.programs.areUsed && site.ledger.recordsOf(log) === 0;
  const reader = isForeign ? new DenseReader() : site.ledger.reader(log);
  const base = `${site.cluster.node(id).url}/v1/logs/${encodeURIComponent(log)}/records`;
  let cursor: string | null = null;
  for (;;) {
    const query = new URLSearchParams({ consistency: "local", limit: String(PAGE_RECORDS) });
    if (cursor !== null) query.set("cursor", cursor);
    const response: Response = await fetch(`${base}?${query.toString()}`, {
      headers: { accept: "application/x-ndjson" },
      signal: AbortSignal.any([site.signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]),
    });
    const text = await response.text();
    if (!response.ok) return { hash: "", problem: `answers ${response.status}: ${text}` };
    hash.update(text);
    for (const line of text.split("\n")) {
      const problem = line === "" ? undefined : reader.line(line);
      if (problem !== undefined) return { hash: hash.digest("hex"), problem };
    }
    cursor = response.headers.get("annals-next");
    if (response.headers.get("annals-more") !== "true" || cursor === null) break;
  }
  return { hash: hash.digest("hex"), problem: reader.missing() };
}

/** Of a log that programs have written: what is in it nobody here knows, but that it has no gap. */
class DenseReader {
  #seq = 0;

  line(line: string): string | undefined {
    this.#seq++;
    const seq = Number(/^\{"seq":(\d+)/.exec(line)?.[1]);
    return seq === this.#seq ? undefined : notDense(seq, this.#seq);
  }

  missing(): undefined {
    return undefined;
  }
}

/** Each node has each blob that a record names, whole. */
async function verifyBlobs(site: Site): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { log, sha256 } of site.blobs) {
    for (const id of site.running) {
      const found = await site
        .client(id)
        .downloadBlob(log, sha256, { signal: site.signal })
        .then(hashOf, (error: unknown) => String(error));
      if (found !== sha256) problems.push(`node ${id}, blob ${sha256.slice(0, 12)}: ${found}`);
    }
  }
  return problems;
}

async function hashOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}
