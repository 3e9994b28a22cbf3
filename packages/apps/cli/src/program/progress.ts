import { elapsedText } from "@annals/drill";
import { formatCount } from "./output.ts";
import type { StatusLine } from "./statusLine.ts";

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5_000;
const BAR_CHARACTERS = 24;

export interface ProgressState {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly records: number;
}

/** How far something is, in the status line: ten times a second on a terminal, else every few seconds. */
export class Progress {
  readonly #status: StatusLine;
  readonly #label: string;
  readonly #now: () => number;
  readonly #startedMs: number;
  #drawnMs: number;

  constructor(status: StatusLine, label: string, now: () => number = () => performance.now()) {
    this.#status = status;
    this.#label = label;
    this.#now = now;
    this.#startedMs = now();
    this.#drawnMs = this.#startedMs;
  }

  get elapsedMs(): number {
    return this.#now() - this.#startedMs;
  }

  update(state: ProgressState): void {
    const now = this.#now();
    if (now - this.#drawnMs < (this.#status.isLive ? REDRAW_MS : PLAIN_LINE_MS)) return;
    this.#drawnMs = now;
    this.#status.draw(this.#line(state));
  }

  #line({ done, total, unit, records }: ProgressState): string {
    const elapsedMs = Math.max(1, this.elapsedMs);
    const rate = formatCount((records * 1000) / elapsedMs);
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const filled = Math.round(share * BAR_CHARACTERS);
    const bar =
      total > 0
        ? `[${"#".repeat(filled)}${".".repeat(BAR_CHARACTERS - filled)}] ${Math.floor(share * 100)} % `
        : "";
    const of = total > 0 ? `${formatCount(done)} of ${formatCount(total)} ${unit}, ` : "";
    return `${this.#label} ${bar}${of}${formatCount(records)} records, ${rate}/s, ${elapsedText(elapsedMs)}`;
  }

  /** Takes the line away. */
  end(): void {
    this.#status.clear();
  }
}
