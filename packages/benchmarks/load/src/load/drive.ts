import { setTimeout as sleep } from "node:timers/promises";
import { Latencies } from "../measure/latencies.ts";
import type { LatencySummary } from "../measure/latencies.ts";
import type { Carrier } from "./carrier.ts";
import type { Outcome } from "./outcome.ts";

/**
 * `closed`: every slot sends its next request when the last one is answered. `open`: so many requests a second, whatever becomes of them;
 * how long one took counts from when it was due, so that a server that stalls cannot hide it by keeping us from asking (coordinated
 * omission).
 */
export type Pace =
  | { readonly kind: "closed" }
  | { readonly kind: "open"; readonly requestsPerSecond: number };

export interface DriveOptions {
  readonly carriers: readonly Carrier[];
  readonly pace: Pace;
  /** Sent before anything counts. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly signal: AbortSignal;
  /** What counts begins, or has ended; what is on its way is not answered yet. */
  readonly onWindow?: (edge: "begin" | "end") => void;
  /** One request that counts, with when it was due. */
  readonly onAccepted?: (outcome: Extract<Outcome, { kind: "accepted" }>, dueMs: number) => void;
  readonly onProgress?: (progress: DriveProgress) => void;
}

export interface DriveProgress {
  readonly phase: "warm-up" | "measuring" | "draining";
  readonly elapsedMs: number;
  /** Accepted since the last one. */
  readonly recordsPerSecond: number;
}

export interface DriveResult {
  readonly seconds: number;
  /** Accepted within the time that counts. */
  readonly requests: number;
  readonly records: number;
  /** Of every accepted request that was due within the time that counts, answered within it or later. */
  readonly latency: LatencySummary;
  /** Not accepted, by code. */
  readonly others: Readonly<Record<string, number>>;
  /** Open loop: due and never sent, as every slot was taken. */
  readonly unsent: number;
}

/** Grain of the open loop. */
const STEP_MS = 1;
const PROGRESS_MS = 250;
const DRAIN_MS = 30_000;

interface Place {
  readonly carrier: Carrier;
  readonly slot: number;
  dueMs: number;
}

/** Sends requests into the slots of some carriers for a while and counts what becomes of them. */
export class Drive {
  readonly #options: DriveOptions;
  readonly #places: readonly Place[];
  readonly #idle: Place[] = [];
  readonly #latencies = new Latencies();
  readonly #others = new Map<string, number>();
  #beginMs = 0;
  #countFromMs = 0;
  #countToMs = 0;
  #counts = false;
  #sending = false;
  #sent = 0;
  #requests = 0;
  #records = 0;
  #acceptedEver = 0;

  constructor(options: DriveOptions) {
    this.#options = options;
    this.#places = options.carriers.flatMap((carrier) =>
      Array.from({ length: carrier.slots }, (_, slot) => ({ carrier, slot, dueMs: 0 })),
    );
  }

  /** Runs to the end, or until the signal, for which it rejects. The carriers are closed afterwards. */
  async run(): Promise<DriveResult> {
    const { carriers, warmUpMs, durationMs, signal } = this.#options;
    const progress = new Ticker(this.#options, () => this.#acceptedEver);
    try {
      const places = new Map<Carrier, Place[]>(carriers.map((carrier) => [carrier, []]));
      for (const place of this.#places) places.get(place.carrier)?.push(place);
      for (const carrier of carriers) {
        const own = places.get(carrier) ?? [];
        await carrier.open((slot, outcome) => {
          const place = own[slot];
          if (place !== undefined) this.#settled(place, outcome);
        });
      }
      this.#beginMs = performance.now();
      this.#countFromMs = this.#beginMs + warmUpMs;
      this.#countToMs = this.#countFromMs + durationMs;
      this.#start();
      progress.begin("warm-up");
      await this.#sendUntil(this.#countFromMs, signal);
      this.#counts = true;
      this.#options.onWindow?.("begin");
      progress.begin("measuring");
      await this.#sendUntil(this.#countToMs, signal);
      this.#counts = false;
      this.#sending = false;
      this.#options.onWindow?.("end");
      const seconds = (performance.now() - this.#countFromMs) / 1000;
      const unsent = Math.max(0, this.#due(this.#countToMs) - this.#sent);
      progress.begin("draining");
      await this.#drained(signal);
      return {
        seconds,
        requests: this.#requests,
        records: this.#records,
        latency: this.#latencies.summary(),
        others: Object.fromEntries(this.#others),
        unsent,
      };
    } finally {
      progress.end();
      this.#sending = false;
      await Promise.all(carriers.map((carrier) => carrier.close()));
    }
  }

  #start(): void {
    this.#sending = true;
    if (this.#options.pace.kind === "open") this.#idle.push(...this.#places);
    else for (const place of this.#places) this.#send(place, this.#beginMs);
  }

  /** Requests that were due by then; the closed loop knows none. */
  #due(ms: number): number {
    const { pace } = this.#options;
    if (pace.kind === "closed") return 0;
    // A nanosecond of patience: sums of fractions of a millisecond are not exact.
    return Math.floor(((ms - this.#beginMs + 1e-6) / 1000) * pace.requestsPerSecond);
  }

  async #sendUntil(endMs: number, signal: AbortSignal): Promise<void> {
    const open = this.#options.pace.kind === "open";
    for (;;) {
      signal.throwIfAborted();
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return;
      if (open) this.#sendDue();
      await sleep(open ? STEP_MS : leftMs, undefined, { signal });
    }
  }

  #sendDue(): void {
    const due = this.#due(performance.now());
    while (this.#sent < due) {
      const place = this.#idle.pop();
      if (place === undefined) return;
      this.#sendNextDue(place);
    }
  }

  #sendNextDue(place: Place): void {
    const { pace } = this.#options;
    if (pace.kind === "closed") return;
    this.#send(place, this.#beginMs + (this.#sent * 1000) / pace.requestsPerSecond);
  }

  #send(place: Place, dueMs: number): void {
    place.dueMs = dueMs;
    this.#sent++;
    place.carrier.send(place.slot);
  }

  #settled(place: Place, outcome: Outcome): void {
    const now = performance.now();
    const { dueMs } = place;
    this.#count(outcome, dueMs, now);
    if (this.#options.pace.kind === "closed") {
      if (this.#sending) this.#send(place, now);
      else this.#idle.push(place);
    } else if (this.#sending && this.#sent < this.#due(now)) this.#sendNextDue(place);
    else this.#idle.push(place);
  }

  #count(outcome: Outcome, dueMs: number, now: number): void {
    const counts = dueMs >= this.#countFromMs && dueMs < this.#countToMs;
    if (outcome.kind !== "accepted") {
      if (counts) this.#others.set(outcome.code, (this.#others.get(outcome.code) ?? 0) + 1);
      return;
    }
    this.#acceptedEver += outcome.count;
    if (this.#counts) {
      this.#requests++;
      this.#records += outcome.count;
    }
    if (!counts) return;
    this.#latencies.add(now - dueMs);
    this.#options.onAccepted?.(outcome, dueMs);
  }

  /** What is on its way is waited for, within bounds. */
  async #drained(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + DRAIN_MS;
    while (this.#idle.length < this.#places.length && performance.now() < deadline)
      await sleep(STEP_MS, undefined, { signal });
  }
}

/** Says every quarter of a second how it goes. */
class Ticker {
  readonly #timer: NodeJS.Timeout;
  #phase: DriveProgress["phase"] = "warm-up";
  #phaseMs = performance.now();

  constructor({ onProgress }: DriveOptions, accepted: () => number) {
    let before = 0;
    let beforeMs = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const recordsPerSecond = ((accepted() - before) * 1000) / Math.max(1, now - beforeMs);
      before = accepted();
      beforeMs = now;
      onProgress?.({ phase: this.#phase, elapsedMs: now - this.#phaseMs, recordsPerSecond });
    }, PROGRESS_MS);
  }

  begin(phase: DriveProgress["phase"]): void {
    this.#phase = phase;
    this.#phaseMs = performance.now();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
