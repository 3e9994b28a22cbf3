import type { MovableBody } from "@annals/channel";
import type { AppendedAnswer } from "@annals/wire";
import { httpError, problemOf } from "../problem.ts";
import type { IngestDesk, Ticket } from "../ingest/ingestDesk.ts";
import { FORWARDED_ANSWER_BYTES } from "@annals/api";
import { FORWARD_GRACE_MS } from "../forwarder.ts";
import type { Forwarder } from "../forwarder.ts";
import { leaderChanged, workAtLeader } from "../leaderTarget.ts";
import { STREAM_APPENDS_MAX } from "@annals/config";
import type { NodeService } from "../service.ts";
import type { ClientHead } from "./clientHead.ts";

type AppendHead = Extract<ClientHead, { kind: "append" }>;

export interface StreamAppendsOptions {
  readonly service: NodeService;
  readonly forwarder: Forwarder;
  /** Where appends over HTTP are taken in, too. */
  readonly desk: IngestDesk;
  /** Bytes of bodies that the client may have unanswered. */
  readonly maxBytes: number;
  /** `host:port` of this node. */
  readonly address: string;
  readonly answer: (id: number, answer: AppendedAnswer, whenTaken: () => void) => void;
  /** Answers with a problem document. */
  readonly refuse: (id: number, problem: Uint8Array, whenTaken: () => void) => void;
  readonly onFault: (error: unknown) => void;
}

/** What an answer says: an `appended` head, or a problem document. */
type Outcome =
  | { readonly kind: "appended"; readonly answer: AppendedAnswer }
  | { readonly kind: "refused"; readonly problem: Uint8Array };

/** The appends of one stream: counts them against the credit, takes them where the leader is, answers each when it is settled. */
export class StreamAppends {
  readonly #options: StreamAppendsOptions;
  /** Without an answer yet. */
  #working = 0;
  /** Answers that the client has not taken count, too. */
  #count = 0;
  #bytes = 0;
  #stopping = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: StreamAppendsOptions) {
    this.#options = options;
  }

  /**
   * Takes the body of a message over: a large one moves to its worker. Throws ERR_STREAM_CREDIT,
   * which ends the stream: the client does not count.
   */
  take(head: AppendHead, body: MovableBody): void {
    const { maxBytes } = this.#options;
    if (this.#count >= STREAM_APPENDS_MAX || this.#bytes + body.size > maxBytes) {
      throw httpError(
        "ERR_STREAM_CREDIT",
        `${this.#count} appends of ${this.#bytes} bytes are unanswered, the credit is ${STREAM_APPENDS_MAX} of ${maxBytes}`,
        { retryable: true },
      );
    }
    this.#count++;
    this.#bytes += body.size;
    void this.#answer(head, body);
  }

  /** Refuses what comes from now on; resolves when everything before is answered. */
  stop(): Promise<void> {
    this.#stopping = true;
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      this.#endIfIdle();
    });
  }

  #endIfIdle(): void {
    if (this.#working === 0) this.#whenIdle?.();
  }

  async #answer(head: AppendHead, body: MovableBody): Promise<void> {
    const bytes = body.size;
    this.#working++;
    const outcome = await this.#outcome(head, body);
    this.#working--;
    const whenTaken = (): void => {
      this.#count--;
      this.#bytes -= bytes;
    };
    const { answer, refuse } = this.#options;
    if (outcome.kind === "refused") refuse(head.id, outcome.problem, whenTaken);
    else answer(head.id, outcome.answer, whenTaken);
    this.#endIfIdle();
  }

  async #outcome(head: AppendHead, body: MovableBody): Promise<Outcome> {
    let ticket: Ticket | undefined;
    try {
      if (this.#stopping)
        throw httpError("ERR_NODE_STOPPING", "this node is shutting down", { retryable: true });
      if (body.size === 0) throw httpError("ERR_BODY_EMPTY", "the body is empty");
      ticket = this.#options.desk.admit(head.log, body.size);
      return await this.#append(head, body, ticket);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === "ERR_INTERNAL") this.#options.onFault(error);
      this.#options.desk.refused(head.log, problem.code);
      return { kind: "refused", problem: Buffer.from(JSON.stringify(problem)) };
    } finally {
      ticket?.close();
    }
  }

  #append(head: AppendHead, body: MovableBody, ticket: Ticket): Promise<Outcome> {
    const { service, address } = this.#options;
    const bytes = body.size;
    const { log, contentType, producer, timeoutMs } = head;
    return workAtLeader<Outcome>({
      service,
      log,
      passedOn: false,
      here: async () => {
        if (body.moved) throw leaderChanged();
        const reply = await service.append(log, { contentType, body, producer, timeoutMs });
        const { firstSeq, lastSeq, count, duplicate } = reply;
        ticket.accepted({ records: count, bytes, producer: producer?.id, duplicate });
        const answer = { firstSeq, lastSeq, count, duplicate, leader: address };
        return { kind: "appended", answer };
      },
      there: (leader) => this.#forward(head, body, leader, ticket),
    });
  }

  async #forward(
    head: AppendHead,
    body: MovableBody,
    leader: string,
    ticket: Ticket,
  ): Promise<Outcome> {
    const { log, contentType, producer, timeoutMs } = head;
    if (body.moved) throw leaderChanged();
    const answer = await this.#options.forwarder.forward({
      address: leader,
      method: "POST",
      path: `/v1/logs/${encodeURIComponent(log)}/records`,
      headers: {
        "content-type": contentType,
        "annals-timeout": `${timeoutMs}ms`,
        ...(producer === undefined
          ? {}
          : {
              "annals-producer": `${producer.id};epoch=${producer.epoch};sequence=${producer.sequence}`,
            }),
      },
      body: body.bytes,
      timeoutMs: timeoutMs + FORWARD_GRACE_MS,
      maxAnswerBytes: FORWARDED_ANSWER_BYTES.append,
    });
    ticket.passedOn(answer.status);
    if (answer.status !== 200) return { kind: "refused", problem: answer.body };
    const { firstSeq, lastSeq, count, duplicate } = JSON.parse(
      Buffer.from(answer.body).toString("utf8"),
    );
    return { kind: "appended", answer: { firstSeq, lastSeq, count, duplicate, leader } };
  }
}
