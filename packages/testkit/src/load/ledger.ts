import type { Outcome } from "@annals/bench";
import { SERIAL_MIN } from "./requests.ts";

/** What clients were told of each request, held against the records that are in the log. */
export class LoadLedger {
  readonly #perRequest: number;
  readonly #outcomes = new Map<number, Outcome>();

  constructor(perRequest: number) {
    this.#perRequest = perRequest;
  }

  add(k: number, outcome: Outcome): void {
    this.#outcomes.set(k, outcome);
  }

  /** Problems, at most ten: acknowledged and not there, not where it was said to be, twice there, or there although refused. */
  verify(stored: ReadonlyMap<number, readonly number[]>): readonly string[] {
    const problems: string[] = [];
    for (const [k, outcome] of this.#outcomes) {
      if (problems.length >= PROBLEMS_MAX) break;
      for (let at = 0; at < this.#perRequest; at++) {
        const problem = judge(outcome, at, stored.get(k * this.#perRequest + at) ?? []);
        if (problem !== undefined) problems.push(`request ${k}, record ${at}: ${problem}`);
      }
    }
    return problems;
  }

  count(kind: Outcome["kind"]): number {
    return [...this.#outcomes.values()].filter((outcome) => outcome.kind === kind).length;
  }
}

const PROBLEMS_MAX = 10;

function judge(outcome: Outcome, at: number, seqs: readonly number[]): string | undefined {
  if (seqs.length > 1) return `is in the log ${seqs.length} times`;
  const [seq] = seqs;
  switch (outcome.kind) {
    case "accepted":
      if (seq === undefined) return "was acknowledged and is not in the log";
      return seq === outcome.firstSeq + at
        ? undefined
        : `is at ${seq}, told was ${outcome.firstSeq + at}`;
    case "refused":
      return seq === undefined ? undefined : `was refused (${outcome.code}) and is in the log`;
    case "unknown":
      return undefined;
    default:
      return outcome satisfies never;
  }
}

/** The seqs of every record of the log by its number, as the node at `url` shows them. */
export async function readStored(url: string): Promise<ReadonlyMap<number, readonly number[]>> {
  const stored = new Map<number, number[]>();
  for (let from = 1; ; ) {
    const path = `/v1/logs/audit/records?from=${from}&limit=10000`;
    const response = await fetch(url + path, { headers: { accept: "application/x-ndjson" } });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const { seq, data }: { seq: number; data: { n: number } } = JSON.parse(line);
      const serial = data.n - SERIAL_MIN;
      stored.set(serial, [...(stored.get(serial) ?? []), seq]);
    }
    if (response.headers.get("annals-more") !== "true") return stored;
    from = Number(response.headers.get("annals-covered")?.split("-")[1]) + 1;
  }
}
