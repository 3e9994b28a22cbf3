/** Weight of what happened so long ago, in busy time, has fallen to 1/e. */
const MEMORY_MS = 5_000;

/**
 * How fast what waits is worked off: an exponentially weighted rate of settled bytes. Only time in which something waits counts, so that a
 * quiet hour does not look like a standstill to the first burst after it. Times are of any monotonic clock, in ms.
 */
export class DrainMeter {
  #pending = 0;
  /** Settled bytes, and the busy ms in which they were: both fade alike, so their ratio is right from the first moment. */
  #settledBytes = 0;
  #busyMs = 0;
  /** Busy time since bytes were settled last. */
  #stuckMs = 0;
  #atMs = 0;

  get pendingBytes(): number {
    return this.#pending;
  }

  /** So many bytes more wait. */
  begin(bytes: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#pending += bytes;
  }

  /** They wait no more. Only what was worked off says how fast that goes; what was refused or has gone does not. */
  end(bytes: number, settled: boolean, nowMs: number): void {
    if (bytes > this.#pending) throw new RangeError(`${bytes} given back of ${this.#pending}`);
    this.#advance(nowMs);
    this.#pending -= bytes;
    if (!settled) return;
    this.#settledBytes += bytes;
    this.#stuckMs = 0;
  }

  /** Bytes per second of busy time; 0 before anything was settled. */
  perSecond(nowMs: number): number {
    this.#advance(nowMs);
    return this.#busyMs === 0 ? 0 : (1000 * this.#settledBytes) / this.#busyMs;
  }

  /** Milliseconds in which what waits now will have gone at this rate. Where nothing was ever settled: as long again as it has waited. */
  waitMs(nowMs: number): number {
    const perSecond = this.perSecond(nowMs);
    return perSecond > 0 ? (1000 * this.#pending) / perSecond : this.#stuckMs;
  }

  #advance(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = Math.max(this.#atMs, nowMs);
    if (this.#pending === 0) return;
    const kept = Math.exp(-elapsedMs / MEMORY_MS);
    this.#settledBytes *= kept;
    this.#busyMs = this.#busyMs * kept + MEMORY_MS * (1 - kept);
    this.#stuckMs += elapsedMs;
  }
}
