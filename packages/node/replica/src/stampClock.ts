import { PEER_CLOCKS_MAX } from "@annals/flow";
import type { ClockSample } from "./clockSample.ts";
import { judgeClock, keepsTo } from "./clockVerdict.ts";
import type { ClockVerdict } from "./clockVerdict.ts";
import { CLOCK_FRESH_MS, PeerClock } from "./peerClock.ts";
import type { Clock } from "./ports.ts";

export interface StampClockOptions {
  readonly clock: Pick<Clock, "now" | "wallTime">;
  /** A clock that differs by more is wrong. */
  readonly maxSkewMs: number;
  /** Whether there are other nodes, so that somebody can confirm this clock. */
  readonly hasPeers: boolean;
}

/** Default of how far a clock may differ. */
const MAX_SKEW_MS = 5000;
/** An answer that took longer than twice this says nothing. */
const CLOCK_UNCERTAINTY_MS_MAX = 5000;
/** The clock of a node without peers has jumped: if it stays where it is for so long, it is believed again. */
const SETTLE_MS = 60_000;
/** A clock must be off for so long before leaderships move: a blip, or the waking of a machine, is over by then. */
const OFF_MS_MIN = 2000;

/** The clock of a replica that hears of no other one. */
export function lonelyClock(clock: StampClockOptions["clock"]): StampClock {
  return new StampClock({ clock, maxSkewMs: MAX_SKEW_MS, hasPeers: false });
}

/** Milliseconds since 1970. */
export interface StampsAhead {
  readonly lastRecordedAt: number;
  readonly time: number;
}

/** Whether the last stamp of a log is ahead of the time, by more than a clock may differ. */
export function stampsAhead(stamps: StampClock, lastRecordedAt: number): StampsAhead | undefined {
  const time = stamps.time();
  return lastRecordedAt > time + stamps.maxSkewMs ? { lastRecordedAt, time } : undefined;
}

/** The state of the clocks, for those who tell of it. Offsets are to the own wall clock. */
export interface ClockView {
  readonly kind: ClockVerdict["kind"] | "jumped";
  /** What stamps get now differs from the own wall clock by more than the bound. */
  readonly held: boolean;
  /** What stamps get now minus the own wall clock. */
  readonly stampOffsetMs: number;
  /** How far the own clock is from the median: ahead if above 0; undefined where no majority is known. */
  readonly ownOffsetMs: number | undefined;
  readonly uncertaintyMs: number | undefined;
  readonly peers: readonly PeerClockView[];
}

export interface PeerClockView {
  readonly node: string;
  /** What this clock shows minus what the own one does. */
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  /** It differs from the median, which most keep to. */
  readonly off: boolean;
}

interface Jump {
  readonly originMs: number;
  readonly sinceMs: number;
}

/** One look at all clocks. */
interface Look {
  readonly nowMs: number;
  readonly ownOriginMs: number;
  readonly verdict: ClockVerdict;
  readonly jumped: boolean;
}

/**
 * Says what time a batch is stamped with. The own wall clock is read for each stamp and judged at once: its distance from the monotonic
 * clock is held against that of the peers' clocks, so a jump is known before anything is stamped with it. While the own clock is not
 * believed, time goes on by the monotonic clock from where it was agreed last, or as the majority has it. All logs of a thread share one.
 */
export class StampClock {
  readonly #options: StampClockOptions;
  readonly #peers = new Map<string, { readonly clock: PeerClock; heardMs: number }>();
  readonly #bornMs: number;
  /** Where the time that is believed stands to the monotonic clock; undefined until somebody has confirmed it. */
  #originMs: number | undefined;
  #jump: Jump | undefined;
  #offSinceMs: number | undefined;

  constructor(options: StampClockOptions) {
    this.#options = options;
    this.#bornMs = options.clock.now();
  }

  get maxSkewMs(): number {
    return this.#options.maxSkewMs;
  }

  /** A peer's clock was asked. */
  heard(node: string, sample: ClockSample): void {
    if (sample.uncertaintyMs > CLOCK_UNCERTAINTY_MS_MAX) return;
    const known = this.#peers.get(node);
    const clock = known?.clock ?? new PeerClock();
    clock.add(sample);
    this.#peers.delete(node);
    this.#peers.set(node, { clock, heardMs: sample.atMs });
    const [stalest] = this.#peers.keys();
    if (this.#peers.size > PEER_CLOCKS_MAX && stalest !== undefined) this.#peers.delete(stalest);
  }

  /** Milliseconds since 1970, as far as they are believed. */
  time(): number {
    const { nowMs, ownOriginMs } = this.#look();
    return Math.floor(nowMs + (this.#originMs ?? ownOriginMs));
  }

  /**
   * The stamp of a batch behind one that was stamped with `last`, 0 for none: never below it. Undefined: wait, a peer's clock will be heard
   * of soon. A time that nobody has confirmed is at most as far ahead of `last` as this clock has lived, and the bound.
   */
  stampAfter(last: number): number | undefined {
    const time = this.time();
    if (this.#originMs !== undefined) return Math.max(time, last);
    const livedMs = this.#options.clock.now() - this.#bornMs;
    if (livedMs < CLOCK_FRESH_MS) return undefined;
    if (last === 0) return time;
    return Math.max(last, Math.min(time, Math.floor(last + livedMs + this.maxSkewMs)));
  }

  /** Most clocks agree that the own one is wrong, and it is no blip: whoever leads should let others lead, and nobody begins to. */
  get off(): boolean {
    this.#look();
    const since = this.#offSinceMs;
    return since !== undefined && this.#options.clock.now() - since >= OFF_MS_MIN;
  }

  /** Whether the clock of a peer is heard of and right, as far as can be told. */
  trusts(node: string): boolean {
    const { nowMs, verdict } = this.#look();
    const place = this.#peers.get(node)?.clock.best(nowMs);
    if (place === undefined || !("median" in verdict)) return false;
    return keepsTo(place, verdict.median, this.maxSkewMs);
  }

  view(): ClockView {
    const { nowMs, ownOriginMs, verdict, jumped } = this.#look();
    const median = "median" in verdict ? verdict.median : undefined;
    const peers = [...this.#peers].flatMap(([node, { clock }]) => {
      const place = clock.best(nowMs);
      if (place === undefined) return [];
      const { originMs, uncertaintyMs } = place;
      const off = median !== undefined && !keepsTo(place, median, this.maxSkewMs);
      return [{ node, offsetMs: originMs - ownOriginMs, uncertaintyMs, off }];
    });
    const stampOffsetMs = (this.#originMs ?? ownOriginMs) - ownOriginMs;
    return {
      kind: jumped ? "jumped" : verdict.kind,
      held: Math.abs(stampOffsetMs) > this.maxSkewMs,
      stampOffsetMs,
      ownOffsetMs: median && ownOriginMs - median.originMs,
      uncertaintyMs: median?.uncertaintyMs,
      peers,
    };
  }

  /** Reads all clocks and moves the time that is believed. */
  #look(): Look {
    const { clock, maxSkewMs } = this.#options;
    const nowMs = clock.now();
    const ownOriginMs = clock.wallTime() - nowMs;
    const peers = [...this.#peers.values()].flatMap((peer) => peer.clock.best(nowMs) ?? []);
    const verdict = judgeClock(ownOriginMs, peers, maxSkewMs);
    if (verdict.kind !== "off") this.#offSinceMs = undefined;
    else this.#offSinceMs ??= nowMs;
    const jumped = verdict.kind === "alone" && this.#isJump(ownOriginMs, nowMs);
    if (!jumped) this.#jump = undefined;
    this.#originMs = jumped ? this.#originMs : this.#believed(verdict, ownOriginMs);
    return { nowMs, ownOriginMs, verdict, jumped };
  }

  #believed(verdict: ClockVerdict, ownOriginMs: number): number | undefined {
    switch (verdict.kind) {
      case "agreed":
        return ownOriginMs;
      case "off":
        return verdict.median.originMs;
      case "disputed":
        // If only one of them is wrong, the earliest is right or behind; and a stamp that is behind does no harm that lasts.
        return this.#originMs ?? verdict.earliestMs;
      case "alone":
        return this.#options.hasPeers ? this.#originMs : ownOriginMs;
      default:
        return verdict satisfies never;
    }
  }

  /** Nobody can confirm a clock without peers. That it has left the monotonic clock is seen, and believed once it has lasted. */
  #isJump(ownOriginMs: number, nowMs: number): boolean {
    const { hasPeers, maxSkewMs } = this.#options;
    if (hasPeers || this.#originMs === undefined) return false;
    const isAway = (fromMs: number): boolean => Math.abs(ownOriginMs - fromMs) > maxSkewMs;
    if (!isAway(this.#originMs)) return false;
    if (this.#jump === undefined || isAway(this.#jump.originMs))
      this.#jump = { originMs: ownOriginMs, sinceMs: nowMs };
    return nowMs - this.#jump.sinceMs < SETTLE_MS;
  }
}
