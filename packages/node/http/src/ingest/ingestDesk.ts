import { once } from "@annals/flow";
import type { Ledger } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import type { ContentEncoding } from "@annals/wire";
import { IncomingBodies } from "./incomingBodies.ts";
import type { IncomingBody } from "./incomingBodies.ts";
import { IngestAccount } from "./ingestAccount.ts";
import type { AcceptedRequest, IngestReading } from "./ingestAccount.ts";
import type { ProducerRepeats } from "./producerRepeats.ts";

export interface IngestDeskOptions {
  /** Bytes of bodies held for one log: `ingest.maxPendingBytes`. */
  readonly maxLogBytes: number;
  /** Bytes of bodies held for all logs together: `ingest.maxHeldBytes`. */
  readonly maxNodeBytes: number;
  /** Requests under way at a time, which connections bound: `http.maxConnections`. */
  readonly maxRequests: number;
  readonly ledger: Ledger;
  /** Monotonic, in ms. */
  readonly now: () => number;
}

/** Bytes of compressed bodies that were decoded to their end. */
export interface DecodedBytes {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What `GET /v1/ingest/stats` answers. */
export interface IngestStats {
  readonly node: IngestReading & {
    readonly decoded: Readonly<Partial<Record<ContentEncoding, DecodedBytes>>>;
  };
  readonly logs: readonly (IngestReading & {
    readonly name: string;
    /** Producers that have repeated requests, the latest first; at most 32. */
    readonly producers: readonly ProducerRepeats[];
  })[];
}

/** Room for the body of one append, from its announcement to its answer. */
export interface Ticket {
  /** The body holds so much from now on, if that is more. Throws as `admit` does. */
  growTo(bytes: number): void;
  /**
   * Its body comes in from now on, and gives way when it stands still while others find no room: its room is given back then, and `cut` is
   * called. The result is called when the body is here.
   */
  receives(body: Omit<IncomingBody, "log" | "giveUp">, cut: (idleMs: number) => void): () => void;
  /** What is beyond so many bytes is not held any more. */
  shrinkTo(bytes: number): void;
  accepted(request: AcceptedRequest): void;
  /** The leader, elsewhere, has answered it with this status. */
  passedOn(status: number): void;
  /** Gives the room back. Idempotent. */
  close(): void;
}

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;

/**
 * Where appends are taken in: room for their bodies within the budgets of their log and of the node, counts of what became of them, and how
 * long whoever was refused had better wait, by the pace at which what is here is worked off. Lives on the gateway and looks into no body.
 */
export class IngestDesk {
  readonly #options: IngestDeskOptions;
  readonly #node: IngestAccount;
  /** A log is here while a request for it is, and for good once it has taken one: names that nobody has cannot fill it. */
  readonly #logs = new Map<string, IngestAccount>();
  readonly #decoded = new Map<ContentEncoding, DecodedBytes>();
  readonly #incoming: IncomingBodies;

  constructor(options: IngestDeskOptions) {
    this.#options = options;
    const { maxNodeBytes, maxRequests, ledger } = options;
    this.#incoming = new IncomingBodies(options.now);
    this.#node = new IngestAccount(maxNodeBytes, maxRequests, ledger.family("requests"));
  }

  /** Throws ERR_OVERLOADED beyond the log's budget, ERR_NODE_OVERLOADED beyond the node's. */
  admit(log: string, bytes: number): Ticket {
    const { now } = this.#options;
    const account = this.#account(log);
    const ticket = new RoomTicket({
      log: { name: log, account },
      node: this.#node,
      incoming: this.#incoming,
      now,
      onClose: () => this.#forgetUnused(log, account),
    });
    try {
      ticket.growTo(bytes);
    } catch (error) {
      ticket.close();
      throw error;
    }
    return ticket;
  }

  /** Room that is no append's, such as for the chunks of an upload. Throws ERR_NODE_OVERLOADED; the result gives it back, once. */
  reserve(bytes: number): () => void {
    if (!this.#incoming.makeRoom(() => this.#node.admits(bytes, 0)))
      throw overloaded("ERR_NODE_OVERLOADED", "this node", this.#node);
    this.#node.reserve(bytes);
    return () => this.#node.release(bytes);
  }

  /** The same for an upload, which gives way when it stands still while others find no room: `cut` is called then. Idempotent. */
  reserveUpload(
    bytes: number,
    body: Omit<IncomingBody, "log" | "giveUp">,
    cut: (idleMs: number) => void,
  ): () => void {
    const release = once(this.reserve(bytes));
    const giveUp = (idleMs: number): void => {
      release();
      cut(idleMs);
    };
    const received = this.#incoming.add({ ...body, log: undefined, giveUp });
    return () => {
      received();
      release();
    };
  }

  /** A connection was refused: nobody knows what it wanted. */
  turnedAway(code: string): void {
    this.#node.refused(code);
  }

  refused(log: string, code: string): void {
    this.#logs.get(log)?.refused(code);
    this.#node.refused(code);
  }

  decoded(encoding: ContentEncoding, bytesIn: number, bytesOut: number): void {
    const known = this.#decoded.get(encoding) ?? { bytesIn: 0, bytesOut: 0 };
    this.#decoded.set(encoding, {
      bytesIn: known.bytesIn + bytesIn,
      bytesOut: known.bytesOut + bytesOut,
    });
  }

  /** Milliseconds after which whoever was refused may find room: by the pace of the log, or of the node where that is slower. */
  retryAfterMs(log: string): number {
    const nowMs = this.#options.now();
    const waitMs = Math.max(this.#node.waitMs(nowMs), this.#logs.get(log)?.waitMs(nowMs) ?? 0);
    return Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, Math.ceil(waitMs)));
  }

  read(): IngestStats {
    const nowMs = this.#options.now();
    return {
      node: { ...this.#node.read(nowMs), decoded: Object.fromEntries(this.#decoded) },
      logs: [...this.#logs].map(([name, account]) => ({
        name,
        ...account.read(nowMs),
        producers: account.producers(),
      })),
    };
  }

  #account(log: string): IngestAccount {
    const known = this.#logs.get(log);
    if (known !== undefined) return known;
    const { maxLogBytes, maxRequests, ledger } = this.#options;
    const account = new IngestAccount(maxLogBytes, maxRequests, ledger.family("log.requests"));
    this.#logs.set(log, account);
    return account;
  }

  #forgetUnused(log: string, account: IngestAccount): void {
    if (account.unused && this.#logs.get(log) === account) this.#logs.delete(log);
  }
}

interface RoomTicketOptions {
  readonly log: { readonly name: string; readonly account: IngestAccount };
  readonly node: IngestAccount;
  readonly incoming: IncomingBodies;
  readonly now: () => number;
  readonly onClose: () => void;
}

/** Of the two accounts, the log's and the node's, each holds what the other does. */
class RoomTicket implements Ticket {
  readonly #options: RoomTicketOptions;
  readonly #log: IngestAccount;
  readonly #node: IngestAccount;
  readonly #now: () => number;
  #received: (() => void) | undefined;
  #held = 0;
  #settled = false;
  #open = true;
  #givenUp = false;

  constructor(options: RoomTicketOptions) {
    this.#options = options;
    this.#log = options.log.account;
    this.#node = options.node;
    this.#now = options.now;
    const nowMs = this.#now();
    this.#log.begin(this, nowMs);
    this.#node.begin(this, nowMs);
  }

  receives(body: Omit<IncomingBody, "log" | "giveUp">, cut: (idleMs: number) => void): () => void {
    const giveUp = (idleMs: number): void => {
      this.shrinkTo(0);
      this.#givenUp = true;
      cut(idleMs);
    };
    this.#received = this.#options.incoming.add({ ...body, log: this.#options.log.name, giveUp });
    return this.#received;
  }

  growTo(wanted: number): void {
    const more = wanted - this.#held;
    // The client has gone in the meantime: nobody would give these bytes back.
    if (more <= 0 || !this.#open || this.#givenUp) return;
    const { incoming, log } = this.#options;
    if (!incoming.makeRoom(() => this.#log.admits(more, this.#held), log.name))
      throw overloaded("ERR_OVERLOADED", "this log", this.#log);
    if (!incoming.makeRoom(() => this.#node.admits(more, this.#held)))
      throw overloaded("ERR_NODE_OVERLOADED", "this node", this.#node);
    const nowMs = this.#now();
    this.#log.hold(more, nowMs);
    this.#node.hold(more, nowMs);
    this.#held = wanted;
  }

  shrinkTo(wanted: number): void {
    const less = this.#held - wanted;
    if (less <= 0 || !this.#open) return;
    const nowMs = this.#now();
    this.#log.shrink(less, nowMs);
    this.#node.shrink(less, nowMs);
    this.#held = wanted;
  }

  accepted(request: AcceptedRequest): void {
    this.#settled = true;
    this.#log.accepted(request);
    this.#node.accepted(request);
  }

  passedOn(status: number): void {
    this.#settled = status === 200;
    this.#log.passedOn();
    this.#node.passedOn();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#received?.();
    const nowMs = this.#now();
    this.#log.end(this, this.#held, this.#settled, nowMs);
    this.#node.end(this, this.#held, this.#settled, nowMs);
    this.#options.onClose();
  }
}

function overloaded(
  code: "ERR_OVERLOADED" | "ERR_NODE_OVERLOADED",
  what: string,
  { heldBytes, capBytes }: IngestAccount,
): AnnalsError {
  const text = `${heldBytes} bytes of requests for ${what} are held, the cap is ${capBytes}: nothing of this request was accepted`;
  // Refusals come by the thousand when there is no time to lose, and nobody looks at where in here they were made.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new AnnalsError(code, text, { retryable: true, details: { heldBytes, capBytes } });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
