import type { LogIndex, ReadState } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import { readTimeout } from "./errors.ts";
import type { RandomBelow } from "./ports.ts";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: AnnalsError) => void;
  readonly deadlineMs: number;
  readonly timeoutMs: number;
}

interface Round {
  readonly context: number;
  readonly waiters: Waiter[];
  /** Set once a quorum confirmed the leader after the round began. */
  index: LogIndex | undefined;
}

/** Contexts are integers below 2^53: this many ranges, one drawn for each life, of so many rounds before the next range begins. */
const LIVES = 2 ** 31;
const ROUNDS_OF_LIFE = 2 ** 21;

/**
 * Linearizable reads by ReadIndex (thesis §6.4). All reads of one turn share one round; a round that stays unanswered (lost message, change
 * of leader) is asked again under a fresh context, because an answer to an old one might be stale. So might be one to a question of an
 * earlier life of this replica, which the leader may still send: no life begins with the contexts of another.
 */
export class ReadBarrier {
  readonly #ask: (context: number) => void;
  #nextContext: number;
  #gathering: Waiter[] = [];
  #rounds: Round[] = [];
  #waiting = 0;

  /** `ask` passes a context to the core. */
  constructor(ask: (context: number) => void, randomBelow: RandomBelow) {
    this.#ask = ask;
    this.#nextContext = 1 + randomBelow(LIVES) * ROUNDS_OF_LIFE;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves once the state machine has applied everything that was committed when this was called. */
  add(nowMs: number, timeoutMs: number): Promise<void> {
    this.#waiting++;
    return new Promise((resolve, reject) => {
      this.#gathering.push({ resolve, reject, deadlineMs: nowMs + timeoutMs, timeoutMs });
    });
  }

  /** Begins a round for the reads that have gathered. */
  begin(): void {
    if (this.#gathering.length === 0) return;
    this.#start(this.#gathering);
    this.#gathering = [];
  }

  #start(waiters: Waiter[]): void {
    const context = this.#nextContext++;
    this.#rounds.push({ context, waiters, index: undefined });
    this.#ask(context);
  }

  confirmed(states: readonly ReadState[]): void {
    for (const state of states) {
      const round = this.#rounds.find((one) => one.context === state.context);
      if (round !== undefined) round.index = state.index;
    }
  }

  /** Answers the rounds whose index is applied. */
  release(appliedIndex: LogIndex): void {
    this.#rounds = this.#rounds.filter((round) => {
      if (round.index === undefined || round.index > appliedIndex) return true;
      this.#waiting -= round.waiters.length;
      for (const waiter of round.waiters) waiter.resolve();
      return false;
    });
  }

  /** Called every few ticks: gives up on what is too late, confirmed or not, and asks again for what has no answer. */
  retry(nowMs: number): void {
    const again: Waiter[] = [];
    const confirmed: Round[] = [];
    for (const round of this.#rounds) {
      const waiters = this.#expire(round.waiters, nowMs);
      if (waiters.length === 0) continue;
      if (round.index === undefined) again.push(...waiters);
      else confirmed.push({ ...round, waiters });
    }
    this.#rounds = confirmed;
    if (again.length > 0) this.#start(again);
  }

  /** Rejects who has waited too long; returns the others. */
  #expire(waiters: readonly Waiter[], nowMs: number): Waiter[] {
    const patient: Waiter[] = [];
    for (const waiter of waiters) {
      if (waiter.deadlineMs > nowMs) {
        patient.push(waiter);
        continue;
      }
      this.#waiting--;
      waiter.reject(readTimeout(waiter.timeoutMs));
    }
    return patient;
  }

  rejectAll(error: () => AnnalsError): void {
    const waiters = [...this.#gathering, ...this.#rounds.flatMap((round) => round.waiters)];
    this.#gathering = [];
    this.#rounds = [];
    this.#waiting = 0;
    for (const waiter of waiters) waiter.reject(error());
  }
}
