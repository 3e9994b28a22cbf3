import type { ProducerStamp } from "@annals/record";
import { ClientError, invalidOptions } from "./clientError.ts";
import type { AppendReply, EncodedRecords } from "./types.ts";

export interface OrderedProducerOptions {
  readonly id: string;
  readonly epoch: number;
  /** Sequence of the next request; 1 in a new epoch. */
  readonly nextSequence: number;
  /** Requests on their way at a time, 1 to 16 (what the server remembers of one producer). */
  readonly window: number;
  readonly signal?: AbortSignal | undefined;
}

export type SendAppend = (
  body: EncodedRecords,
  producer: ProducerStamp,
  signal: AbortSignal | undefined,
) => Promise<AppendReply>;

const WINDOW_MAX = 16;
/** A request can overtake its predecessor on the way this often before that counts as an error. */
const OVERTAKES_MAX = 8;

/**
 * Appends numbered requests with several on their way, each exactly once and in order. A request that overtakes its predecessor is
 * refused by the server (a gap) and sent again when the predecessor is answered. The first failure is final: what follows it in order
 * could not be accepted.
 */
export class OrderedProducer {
  readonly #send: SendAppend;
  readonly #options: OrderedProducerOptions;
  #sequence: number;
  /** Settles when everything so far is answered: whether all of it was stored. Never rejects. */
  #previous: Promise<boolean> = Promise.resolve(true);
  readonly #underway = new Set<Promise<unknown>>();
  #failure: unknown;

  constructor(send: SendAppend, options: OrderedProducerOptions) {
    if (!Number.isInteger(options.window) || options.window < 1 || options.window > WINDOW_MAX) {
      throw invalidOptions(`window ${options.window} is not within 1 to ${WINDOW_MAX}`);
    }
    this.#send = send;
    this.#options = options;
    this.#sequence = options.nextSequence;
  }

  /** Resolves when the next `append` would not have to wait for room in the window. Rejects after a failure. */
  async ready(): Promise<void> {
    while (this.#underway.size >= this.#options.window) await Promise.race(this.#underway);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Sends the next request; call it only when `ready()`, one call after the other. */
  append(body: EncodedRecords): Promise<AppendReply> {
    const { id, epoch } = this.#options;
    const stamp = { id, epoch, sequence: this.#sequence++ };
    const previous = this.#previous;
    const answer = this.#inOrder(body, stamp, previous);
    const settled = answer.then(
      () => previous,
      (error: unknown) => {
        this.#failure ??= error;
        return previous.then(() => false);
      },
    );
    this.#previous = settled;
    this.#underway.add(settled);
    void settled.then(() => this.#underway.delete(settled));
    return answer;
  }

  /** Resolves when everything is answered; rejects with the first failure. */
  async drain(): Promise<void> {
    await this.#previous;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #inOrder(
    body: EncodedRecords,
    stamp: ProducerStamp,
    previous: Promise<boolean>,
  ): Promise<AppendReply> {
    for (let overtakes = 0; ; overtakes++) {
      try {
        return await this.#send(body, stamp, this.#options.signal);
      } catch (error) {
        if (!isOvertake(error) || overtakes >= OVERTAKES_MAX) throw error;
        if (!(await previous)) throw this.#failure;
      }
    }
  }
}

function isOvertake(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    (error.code === "ERR_PRODUCER_GAP" || error.code === "ERR_PRODUCER_UNKNOWN")
  );
}
