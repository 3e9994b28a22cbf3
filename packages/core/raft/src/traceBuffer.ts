import type { Trace } from "./trace.ts";

const TRACES_MAX = 1024;
const NO_TRACES: readonly Trace[] = [];

/** Traces until they are drained. Bounded: at the cap new ones are counted instead of kept, and the count is the last trace. */
export class TraceBuffer {
  #traces: Trace[] = [];
  #dropped = 0;

  emit(trace: Trace): void {
    if (this.#traces.length < TRACES_MAX) this.#traces.push(trace);
    else this.#dropped += 1;
  }

  drain(): readonly Trace[] {
    if (this.#traces.length === 0) return NO_TRACES;
    const drained = this.#traces;
    if (this.#dropped > 0) drained.push({ kind: "tracesDropped", count: this.#dropped });
    this.#traces = [];
    this.#dropped = 0;
    return drained;
  }
}
