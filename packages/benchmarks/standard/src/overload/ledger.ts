import type { Outcome } from "@annals/load";
import { SERIAL_MIN } from "./requests.ts";

/** A record of the log: its number among all that were sent, and where it is. */
export interface StoredSerial {
  readonly serial: number;
  readonly seq: number;
}

const PROBLEMS_MAX = 10;

/**
 * What clients were told of each request, held against the records that are in the log. Of a request only its outcome and a count are kept:
 * a run stores tens of millions of records.
 */
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
  async verify(
    stored: AsyncIterable<StoredSerial> | Iterable<StoredSerial>,
  ): Promise<readonly string[]> {
    const problems: string[] = [];
    const report = (text: string): void => {
      if (problems.length < PROBLEMS_MAX) problems.push(text);
    };
    const counts = new Map<number, number>();
    // Nobody was told where these are, so that they are remembered one by one.
    const untold = new Set<number>();
    for await (const { serial, seq } of stored) {
      const k = Math.floor(serial / this.#perRequest);
      const at = serial % this.#perRequest;
      counts.set(k, (counts.get(k) ?? 0) + 1);
      const outcome = this.#outcomes.get(k);
      const twice = outcome?.kind === "unknown" && untold.has(serial);
      if (outcome?.kind === "unknown") untold.add(serial);
      const problem = twice ? "is in the log twice" : judge(outcome, at, seq);
      if (problem !== undefined) report(`request ${k}, record ${at}: ${problem}`);
    }
    for (const [k, outcome] of this.#outcomes) {
      const count = counts.get(k) ?? 0;
      // As many records, each at a place of its own: so none of them is there twice.
      if (outcome.kind === "accepted" && count !== this.#perRequest)
        report(`request ${k}: ${count} of its ${this.#perRequest} records are in the log`);
    }
    return problems;
  }

  count(kind: Outcome["kind"]): number {
    return [...this.#outcomes.values()].filter((outcome) => outcome.kind === kind).length;
  }
}

function judge(outcome: Outcome | undefined, at: number, seq: number): string | undefined {
  if (outcome === undefined) return `nobody sent what is at ${seq}`;
  switch (outcome.kind) {
    case "accepted":
      return seq === outcome.firstSeq + at
        ? undefined
        : `is at ${seq}, told was ${outcome.firstSeq + at}`;
    case "refused":
      return `was refused (${outcome.code}) and is in the log`;
    case "unknown":
      return undefined;
    default:
      return outcome satisfies never;
  }
}

/** Every record of the log, as the node at `url` shows it. */
export async function* readStored(url: string): AsyncGenerator<StoredSerial, void> {
  for (let from = 1; ; ) {
    const path = `/v1/logs/audit/records?from=${from}&limit=10000`;
    const response = await fetch(url + path, { headers: { accept: "application/x-ndjson" } });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const { seq, data }: { seq: number; data: { n: number } } = JSON.parse(line);
      yield { seq, serial: data.n - SERIAL_MIN };
    }
    if (response.headers.get("annals-more") !== "true") return;
    from = Number(response.headers.get("annals-covered")?.split("-")[1]) + 1;
  }
}
