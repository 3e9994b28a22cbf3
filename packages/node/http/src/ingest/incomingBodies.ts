/** A body on its way in, which can be given up so that others find room. */
export interface IncomingBody {
  /** Bytes that its connection has brought so far: while that rises, the body moves. */
  readonly bytesRead: () => number;
  /** The client cannot go on because of us, such as while a disk is slow: then nobody blames it. */
  readonly isHeldUp?: () => boolean;
  /** Undefined for room that is of no log. */
  readonly log: string | undefined;
  /** Gives its room back at once, and ends it soon. Called once. */
  readonly giveUp: (idleMs: number) => void;
}

interface Seen {
  bytes: number;
  atMs: number;
}

/** A body that has brought nothing for so long gives way to others. */
const STALLED_MS = 1_000;
/** Looking at all of them again is not worth it before. */
const LOOK_AGAIN_MS = 100;

/** Bodies that are looked at together: those of one log, or all. */
interface Share {
  bodies: number;
  /** Until then another look at them is not worth it. */
  vainUntilMs: number;
}

/**
 * The bodies that are on their way in. When there is no room for another one, those that stand still give way, the one that has stood
 * still longest first. Whoever sends is never cut for somebody else. Their number is bounded by that of connections.
 */
export class IncomingBodies {
  readonly #now: () => number;
  readonly #bodies = new Map<IncomingBody, Seen>();
  /** By log, and of all as undefined: that one log searches in vain says nothing of the others. Only of those with bodies here. */
  readonly #shares = new Map<string | undefined, Share>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The result takes it out again. Idempotent. */
  add(body: IncomingBody): () => void {
    this.#bodies.set(body, { bytes: body.bytesRead(), atMs: this.#now() });
    for (const of of sharesOf(body)) {
      const share = this.#shares.get(of) ?? { bodies: 0, vainUntilMs: Number.NEGATIVE_INFINITY };
      share.bodies += 1;
      this.#shares.set(of, share);
    }
    return () => this.#remove(body);
  }

  #remove(body: IncomingBody): void {
    if (!this.#bodies.delete(body)) return;
    for (const of of sharesOf(body)) {
      const share = this.#shares.get(of);
      if (share !== undefined) share.bodies -= 1;
      if (share?.bodies === 0) this.#shares.delete(of);
    }
  }

  /** Makes room until `fits` says so, among the bodies of `log` or, without one, among all. False when it still does not. */
  makeRoom(fits: () => boolean, log?: string): boolean {
    if (fits()) return true;
    const share = this.#shares.get(log);
    const nowMs = this.#now();
    if (share === undefined || nowMs < share.vainUntilMs) return false;
    for (const [body, idleMs] of this.#stalled(nowMs, log)) {
      this.#remove(body);
      body.giveUp(idleMs);
      if (fits()) return true;
    }
    share.vainUntilMs = nowMs + LOOK_AGAIN_MS;
    return false;
  }

  /** The longest idle first. */
  #stalled(nowMs: number, log: string | undefined): readonly (readonly [IncomingBody, number])[] {
    const stalled: (readonly [IncomingBody, number])[] = [];
    for (const [body, seen] of this.#bodies) {
      const bytes = body.bytesRead();
      if (bytes !== seen.bytes || body.isHeldUp?.() === true) {
        seen.bytes = bytes;
        seen.atMs = nowMs;
      }
      const idleMs = nowMs - seen.atMs;
      if (idleMs >= STALLED_MS && (log === undefined || body.log === log))
        stalled.push([body, idleMs]);
    }
    return stalled.toSorted(([, a], [, b]) => b - a);
  }
}

function sharesOf({ log }: IncomingBody): readonly (string | undefined)[] {
  return log === undefined ? [undefined] : [undefined, log];
}
