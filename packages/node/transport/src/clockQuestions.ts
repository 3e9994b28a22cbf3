import { clockSample } from "@annals/replica";
import type { ClockSample } from "@annals/replica";
import type { AskTimeFrame, TellTimeFrame } from "@annals/wire";

/** Compares the clock at the other end of a link with the own monotonic one. Only the answer to the last question counts. */
export class ClockQuestions {
  readonly #now: () => number;
  readonly #heard: (sample: ClockSample) => void;
  #last: { readonly token: number; readonly sentMs: number } | undefined;
  #nextToken = 1;

  /** `now`: monotonic ms. */
  constructor(now: () => number, heard: (sample: ClockSample) => void) {
    this.#now = now;
    this.#heard = heard;
  }

  /** To be sent at once. */
  next(): AskTimeFrame {
    const token = this.#nextToken++;
    this.#last = { token, sentMs: this.#now() };
    return { kind: "askTime", token };
  }

  /** Untrusted: whatever the peer calls the time is a number in its range, and is judged by those who hear of it. */
  answered({ token, wallTime }: TellTimeFrame): void {
    const asked = this.#last;
    if (asked?.token !== token) return;
    this.#last = undefined;
    this.#heard(clockSample(asked.sentMs, wallTime, this.#now()));
  }
}

/** What a question is answered with. */
export function tellTime({ token }: AskTimeFrame, wallTime: number): TellTimeFrame {
  return { kind: "tellTime", token, wallTime: Math.max(0, wallTime) };
}
