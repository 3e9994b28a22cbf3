import type { Verdict } from "./outcome.ts";

/** Says what the fault was seen to do; undefined: nothing yet. */
export type Evidence = () => Promise<string | undefined> | string | undefined;

interface Fault {
  readonly text: string;
  readonly evidence: Evidence;
  seen: string | undefined;
}

/** Every fault of a drill with what proves that it struck. A drill whose fault did nothing has shown nothing. */
export class FaultLedger {
  readonly #faults: Fault[] = [];

  /** What is seen right after the step counts; what takes time is asked for again when the fault ends, and at the end. */
  async struck(text: string, evidence: Evidence): Promise<void> {
    const fault: Fault = { text, evidence, seen: undefined };
    this.#faults.push(fault);
    await this.#look(fault);
  }

  async #look(fault: Fault): Promise<void> {
    fault.seen ??= await fault.evidence();
  }

  /** Asks for what has no evidence yet: before a fault is taken away, with which its evidence may go. */
  async look(): Promise<void> {
    for (const fault of this.#faults) await this.#look(fault);
  }

  get count(): number {
    return this.#faults.length;
  }

  /** One verdict for all that struck, and one for each that did not. */
  verdicts(): readonly Verdict[] {
    const idle = this.#faults.filter(({ seen }) => seen === undefined);
    const struck = this.#faults.flatMap(({ seen }) => seen ?? []);
    if (this.#faults.length === 0) return [];
    if (idle.length > 0) {
      return idle.map(({ text }) => ({
        text: `fault fired: ${text}`,
        outcome: "failed",
        seen: "it was not seen to do anything",
      }));
    }
    const seen = summary(struck);
    return [{ text: `every fault fired (${struck.length})`, outcome: "passed", seen }];
  }
}

function summary(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => (count > 1 ? `${text} ×${count}` : text)).join("; ");
}
