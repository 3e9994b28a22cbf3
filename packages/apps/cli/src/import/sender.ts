import { ClientError } from "@annals/client";
import type { AppendReply } from "@annals/client";
import type { ProducerStamp } from "@annals/record";
import { CliError } from "../program/cliError.ts";
import { bodyOf } from "./block.ts";
import type { Block } from "./block.ts";
import { isRefusalOfContent, withoutFault } from "./lineFault.ts";
import type { LineFault, Work } from "./lineFault.ts";

/** A request on its way. */
export interface Request {
  readonly block: Block;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly sequence: number;
}

export interface SenderPorts {
  append(body: Uint8Array<ArrayBuffer>, stamp: ProducerStamp): Promise<AppendReply>;
  nextEpoch(): Promise<number>;
  /** Makes durable what is on its way, before the last of it is sent. */
  begin(stamp: ProducerStamp, requests: readonly Request[]): Promise<void>;
  /** Whether the log has this request, as far as it says now. */
  isStored(stamp: ProducerStamp): Promise<boolean>;
  /**
   * The lines of the block are in the log. Without a reply there were only blank ones, or it was
   * lost. Called in order.
   */
  accepted(block: Block, reply: AppendReply | undefined): void;
  /** Called in order, with nothing on its way. What it throws ends the sending. */
  fault(fault: LineFault): Promise<void>;
}

/** A block that was taken up, in order. `answer` is undefined until it is known. */
interface Flight {
  readonly block: Block;
  readonly request: Request | undefined;
  answer: Answer | undefined;
  readonly settled: Promise<void>;
}

type Answer =
  | { readonly kind: "accepted"; readonly reply: AppendReply | undefined }
  | { readonly kind: "failed"; readonly error: unknown };

/** A request can overtake its predecessor on the way this often before that counts as an error. */
const OVERTAKES_MAX = 8;

/**
 * Sends lines as numbered requests, each exactly once and in order, with several on their way. A
 * line that is refused is cut out of its request: what precedes it is in the log by the time it is
 * told as a fault.
 */
export class Sender {
  readonly #ports: SenderPorts;
  readonly #window: number;
  readonly #id: string;
  #epoch: number;
  /** Of the last request in this epoch. */
  #sequence: number;
  readonly #waiting: Work[] = [];
  readonly #flying: Flight[] = [];
  /**
   * Of what waits, so much was on its way before; until it is done with, one request at a time is.
   */
  #again = 0;

  /** `last` stamps the last request that was answered; its epoch is 0 when there is none. */
  constructor(ports: SenderPorts, last: ProducerStamp, window: number) {
    this.#ports = ports;
    this.#window = window;
    this.#id = last.id;
    this.#epoch = last.epoch;
    this.#sequence = last.sequence;
  }

  get stamp(): ProducerStamp {
    return { id: this.#id, epoch: this.#epoch, sequence: this.#sequence };
  }

  /** Requests without an answer. */
  get requests(): readonly Request[] {
    return this.#flying.flatMap(({ request }) => request ?? []);
  }

  /** Lines of requests without an answer. */
  get lineEnds(): number {
    return this.#flying.reduce((sum, { block }) => sum + block.lineEnds, 0);
  }

  /** After the end: answers were lost, but the log has every request up to this one. */
  takeStored(sequence: number): void {
    for (let [flight] = this.#flying; flight !== undefined; [flight] = this.#flying) {
      if ((flight.request?.sequence ?? 0) > sequence) return;
      this.#flying.shift();
      this.#ports.accepted(flight.block, undefined);
    }
  }

  /** Resolves when it is on its way, so that there is room for the next one. */
  async push(work: Work): Promise<void> {
    this.#waiting.push(work);
    await this.#workOff();
  }

  /** Resolves when everything is in the log, or was told as a fault. */
  async drain(): Promise<void> {
    for (;;) {
      await this.#workOff();
      const [first] = this.#flying;
      if (first === undefined) return;
      await first.settled;
    }
  }

  /**
   * Everything that comes is in an epoch of its own, so that whoever uses an earlier one is
   * refused.
   */
  async beginEpoch(): Promise<void> {
    this.#epoch = Math.max(await this.#ports.nextEpoch(), this.#epoch + 1);
    this.#sequence = 0;
  }

  async #workOff(): Promise<void> {
    for (;;) {
      await this.#land();
      const [work] = this.#waiting;
      if (work === undefined) return;
      const room = work.kind === "fault" || this.#again > 0 ? 1 : this.#window;
      const [first] = this.#flying;
      if (first !== undefined && this.#flying.length >= room) {
        await first.settled;
        continue;
      }
      if (work.kind === "fault") await this.#ports.fault(work);
      else await this.#takeOff(work.block);
      this.#waiting.shift();
      this.#again = Math.max(0, this.#again - 1);
    }
  }

  async #takeOff(block: Block): Promise<void> {
    if (block.records === 0) {
      const answer = { kind: "accepted", reply: undefined } as const;
      const settled = Promise.resolve();
      this.#flying.push({ block, request: undefined, answer, settled });
      return;
    }
    if (this.#epoch === 0) await this.beginEpoch();
    const sequence = this.#sequence + 1;
    const request = { block, body: bodyOf(block), sequence };
    await this.#ports.begin({ ...this.stamp, sequence }, [...this.requests, request]);
    this.#sequence = sequence;
    const before = this.#flying.at(-1);
    const flight: Flight = {
      block,
      request,
      answer: undefined,
      settled: this.#send(request, before).then((answer) => {
        flight.answer = answer;
      }),
    };
    this.#flying.push(flight);
  }

  /**
   * Never rejects. A request that overtakes its predecessor is refused, and sent again when that
   * one is answered.
   */
  async #send({ body, block, sequence }: Request, before: Flight | undefined): Promise<Answer> {
    const stamp = { id: this.#id, epoch: this.#epoch, sequence };
    for (let overtakes = 0; ; overtakes++) {
      try {
        const reply = await this.#ports.append(body, stamp);
        if (reply.count === block.records) return { kind: "accepted", reply };
        const what = `${block.records} records were sent, ${reply.count} were answered for`;
        throw new CliError("ERR_FOLLOW_CHANGED", `bytes from ${block.from} on: ${what}`, {
          hint: "another command used the same producer: see with `annals query` what is appended",
        });
      } catch (error) {
        const failed = { kind: "failed", error } as const;
        if (before === undefined || !isOvertake(error) || overtakes >= OVERTAKES_MAX) return failed;
        await before.settled;
        if (before.answer?.kind !== "accepted") return failed;
      }
    }
  }

  /** Takes answers in the order of the requests, as far as they are known. */
  async #land(): Promise<void> {
    for (let [flight] = this.#flying; flight?.answer !== undefined; [flight] = this.#flying) {
      const { answer } = flight;
      if (answer.kind === "failed") {
        await this.#failed(flight, answer.error);
        continue;
      }
      this.#flying.shift();
      this.#ports.accepted(flight.block, answer.reply);
    }
  }

  async #failed(flight: Flight, error: unknown): Promise<void> {
    // What was sent after it came too early, and is refused for that.
    await Promise.all(this.#flying.map(({ settled }) => settled));
    const { block, request } = flight;
    if (!(error instanceof ClientError) || request === undefined) throw error;
    const { notAccepted } = error;
    const isForgotten = error.code === "ERR_PRODUCER_FORGOTTEN" && notAccepted;
    const startsAgain = isForgotten && request.sequence === 1;
    if (!startsAgain && !isRefusalOfContent(error)) throw error;
    const stamp = { id: this.#id, epoch: this.#epoch, sequence: request.sequence };
    // An attempt whose answer was lost may have been taken by other rules than the one that was
    // refused.
    if (!notAccepted && (await this.#ports.isStored(stamp))) {
      flight.answer = { kind: "accepted", reply: undefined };
      return;
    }
    const behind = this.#flying.splice(0).slice(1);
    const works = startsAgain ? [{ kind: "send", block } as const] : withoutFault(block, error);
    const again = [...works, ...behind.map((one) => ({ kind: "send", block: one.block }) as const)];
    this.#waiting.unshift(...again);
    this.#again += again.length;
    // A number that others used, too, may still arrive with them. In a new epoch they are nobody's.
    if (behind.length > 0 || startsAgain || !notAccepted) await this.beginEpoch();
    else this.#sequence -= 1;
  }
}

function isOvertake(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    (error.code === "ERR_PRODUCER_GAP" || error.code === "ERR_PRODUCER_UNKNOWN")
  );
}
