/** What a node says of itself at `/metrics`. */
export interface NodeFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly lastSeq: number;
  readonly leads: boolean;
  /** Write cycles of the log, each of which is one flush; undefined from a node that does not count them. */
  readonly flushes: number | undefined;
}

const TIMEOUT_MS = 2_000;

/** Undefined when the node does not answer in time. */
export async function scrape(address: string, log: string): Promise<NodeFigures | undefined> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`http://${address}/metrics`, { signal });
    return response.ok ? parseFigures(await response.text(), log) : undefined;
  } catch {
    return undefined;
  }
}

export function parseFigures(text: string, log: string): NodeFigures {
  const value = (sample: string): number | undefined => {
    const at = `\n${text}`.indexOf(`\n${sample} `);
    if (at === -1) return undefined;
    return Number(text.slice(at + sample.length + 1).split("\n", 1)[0]);
  };
  return {
    cpuSeconds: value("annals_process_cpu_seconds_total") ?? 0,
    residentBytes: value("annals_process_resident_bytes") ?? 0,
    lastSeq: value(`annals_log_last_seq{log="${log}"}`) ?? 0,
    leads: value(`annals_log_role{log="${log}",role="leader"}`) === 1,
    flushes: value(`annals_log_flushes_total{log="${log}"}`),
  };
}
