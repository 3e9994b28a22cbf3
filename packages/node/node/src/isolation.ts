import { Backoff } from "@annals/flow";

/** A log that was on a worker when the worker ended. */
export interface Suspect {
  readonly logId: number;
  /** It was being opened or caught up: the first to be suspected. */
  readonly starting: boolean;
}

export interface WorkerDeath {
  readonly atMs: number;
  readonly reason: string;
  readonly suspects: readonly Suspect[];
  /** The slot of the isolated worker that ended; undefined for a shared one. */
  readonly slot: number | undefined;
}

export interface IsolationOptions {
  /** Isolated workers that may run at a time, ≥ 1. */
  readonly slots: number;
  /** Deaths that lie further back count no more. */
  readonly windowMs: number;
  /** Logs whose isolated worker has lived so long leave it. */
  readonly behavedMs: number;
  /** Uniform in [0, n). */
  readonly randomBelow: (n: number) => number;
}

/** What is known of a log that is isolated now. */
export interface IsolatedLog {
  /** Workers that ended with it, within the window. */
  readonly deaths: number;
  /** Why the last of them ended. */
  readonly reason: string;
  /** Whether it is this log that ends its workers; false while it is one of several suspects. */
  readonly known: boolean;
  /** Milliseconds until it is tried again; undefined while its worker runs or waits for a place only. */
  readonly retryInMs: number | undefined;
}

/** Logs that have a worker of their own, or wait for one. */
interface Group {
  readonly logs: readonly number[];
  readonly backoff: Backoff;
  /** It is this log, and there is one only. Else they are some of the suspects. */
  known: boolean;
  reason: string;
  notBeforeMs: number;
  slot: number | undefined;
  startedMs: number;
}

/** Deaths of workers with the same log on them before anybody is suspected: one alone may be anything. */
const DEATHS_MIN = 2;
const RETRY_MS = { initialMs: 1000, maxMs: 60_000 } as const;

/**
 * Finds out which log keeps killing its worker, and keeps it apart. A death names all logs of the worker; those that have been at hand at
 * most deaths, and at two at least, are the suspects. One is isolated: on a worker of its own, tried again after a wait that doubles.
 * Several are split: some get a worker of their own, the others stay with the rest. Whichever worker ends next, fewer suspects are left, so
 * every log that goes on killing is alone after as many deaths as there are logs at most, and after their binary logarithm as a rule. Those
 * that behave return.
 *
 * At the cap of slots a log that is alone waits, closed, for a free one: until the log that has it ends its worker again, or has behaved.
 * Several suspects never wait: they take the slot of another group of suspects, which go back to the shared workers, or of a log that is
 * known to kill its workers, which waits.
 *
 * A pure object: it has no timers and no workers.
 */
export class Isolation {
  readonly #options: IsolationOptions;
  readonly #deaths = new Map<number, number[]>();
  #groups: Group[] = [];

  /** Throws a RangeError without a slot: what kills its worker would have nowhere to be. */
  constructor(options: IsolationOptions) {
    if (!(options.slots >= 1)) throw new RangeError(`${options.slots} isolated workers`);
    this.#options = options;
  }

  /** Takes note of a death and decides who is suspected now. */
  died({ atMs, reason, suspects, slot }: WorkerDeath): void {
    for (const { logId } of suspects) this.#count(logId, atMs);
    const group = this.#groups.find((one) => slot !== undefined && one.slot === slot);
    if (group === undefined) {
      const most = this.#mostSuspected(suspects);
      if (most.length > 0) this.#makeRoom();
      this.#accuse(most, atMs, reason);
      return;
    }
    this.#groups = this.#groups.filter((one) => one !== group);
    if (group.logs.length === 1) this.#retry(group, atMs, reason);
    else this.#accuse(suspects, atMs, reason);
  }

  /** Gives free slots to those whose wait is over. */
  assign(nowMs: number): void {
    const taken = new Set(this.#groups.map(({ slot }) => slot));
    const free = Array.from({ length: this.#options.slots }, (_, slot) => slot).filter(
      (slot) => !taken.has(slot),
    );
    for (const group of this.#groups) {
      if (group.slot !== undefined || group.notBeforeMs > nowMs) continue;
      group.slot = free.shift();
      group.startedMs = nowMs;
    }
  }

  /** Lets those go whose worker has lived long enough. */
  release(nowMs: number): void {
    const { behavedMs } = this.#options;
    const behaved = this.#groups.filter(
      ({ slot, startedMs }) => slot !== undefined && nowMs - startedMs >= behavedMs,
    );
    for (const logId of behaved.flatMap(({ logs }) => logs)) this.#deaths.delete(logId);
    this.#groups = this.#groups.filter((group) => !behaved.includes(group));
  }

  /** Whether the log belongs on no shared worker now. */
  isolated(logId: number): boolean {
    return this.#groupOf(logId) !== undefined;
  }

  /** The slot in which an isolated log is to run now; undefined while it waits. */
  slotOf(logId: number): number | undefined {
    return this.#groupOf(logId)?.slot;
  }

  /** Whether the slot has anybody to run. */
  uses(slot: number): boolean {
    return this.#groups.some((group) => group.slot === slot);
  }

  read(logId: number, nowMs: number): IsolatedLog | undefined {
    const group = this.#groupOf(logId);
    if (group === undefined) return undefined;
    const wait = group.notBeforeMs - nowMs;
    return {
      deaths: this.#deaths.get(logId)?.length ?? 0,
      reason: group.reason,
      known: group.known,
      retryInMs: group.slot === undefined && wait > 0 ? Math.ceil(wait) : undefined,
    };
  }

  #groupOf(logId: number): Group | undefined {
    return this.#groups.find(({ logs }) => logs.includes(logId));
  }

  #count(logId: number, atMs: number): void {
    const since = atMs - this.#options.windowMs;
    const recent = (this.#deaths.get(logId) ?? []).filter((one) => one > since);
    this.#deaths.set(logId, [...recent, atMs]);
  }

  /** Whoever kills its worker was there each time; who was there less often did not do it alone. */
  #mostSuspected(suspects: readonly Suspect[]): readonly Suspect[] {
    const deaths = ({ logId }: Suspect): number => this.#deaths.get(logId)?.length ?? 0;
    const most = Math.max(0, ...suspects.map(deaths));
    return most < DEATHS_MIN ? [] : suspects.filter((one) => deaths(one) === most);
  }

  #accuse(suspects: readonly Suspect[], atMs: number, reason: string): void {
    if (suspects.length === 0) return;
    const logs = firstSuspects(suspects);
    const group: Group = {
      logs,
      known: false,
      backoff: new Backoff({ ...RETRY_MS, randomBelow: this.#options.randomBelow }),
      reason,
      notBeforeMs: atMs,
      slot: undefined,
      startedMs: atMs,
    };
    if (suspects.length === 1) {
      this.#retry(group, atMs, reason);
      return;
    }
    // In front of the logs that are known to kill their workers: there is one death more to be explained, and nobody is known for it.
    if (this.#freeSlots === 0) this.#interrupt();
    this.#groups.unshift(group);
  }

  /** Of the logs that are known to kill their workers, the one that did it most often gives its slot to the search for another one. */
  #interrupt(): void {
    const deaths = ({ logs: [logId = -1] }: Group): number => this.#deaths.get(logId)?.length ?? 0;
    const [worst] = this.#groups
      .filter(({ slot }) => slot !== undefined)
      .toSorted((a, b) => deaths(b) - deaths(a));
    if (worst !== undefined) worst.slot = undefined;
  }

  #retry(group: Group, atMs: number, reason: string): void {
    group.known = true;
    group.slot = undefined;
    group.reason = reason;
    group.notBeforeMs = atMs + group.backoff.nextMs();
    this.#groups.push(group);
  }

  get #freeSlots(): number {
    return this.#options.slots - this.#groups.filter(({ slot }) => slot !== undefined).length;
  }

  /** Several suspects whose worker lives have lost their suspicion by a death elsewhere: they give way when others need the slot. */
  #makeRoom(): void {
    if (this.#freeSlots > 0) return;
    this.#groups = this.#groups.filter(({ known }) => known);
  }
}

/** Those that were just starting, if that leaves others to compare with; else one half. */
function firstSuspects(suspects: readonly Suspect[]): readonly number[] {
  const starting = suspects.filter((one) => one.starting);
  const some =
    starting.length > 0 && starting.length < suspects.length
      ? starting
      : suspects.slice(0, Math.ceil(suspects.length / 2));
  return some.map(({ logId }) => logId);
}
