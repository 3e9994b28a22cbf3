import type { MovableBody } from "@annals/channel";
import { STREAM_APPENDS_MAX } from "@annals/config";
import type { AppendedAnswer } from "@annals/wire";
import { httpError, problemOf } from "../problem.ts";
import { bodyEmpty } from "../appendService.ts";
import type { AdmittedAppend, AppendService } from "../appendService.ts";
import type { IngestDesk } from "../ingest/ingestDesk.ts";
import type { ClientHead } from "./clientHead.ts";

type AppendHead = Extract<ClientHead, { kind: "append" }>;

export interface StreamAppendsOptions {
  readonly appends: AppendService;
  /** Counts what is refused. */
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
    let append: AdmittedAppend | undefined;
    try {
      if (this.#stopping)
        throw httpError("ERR_NODE_STOPPING", "this node is shutting down", { retryable: true });
      if (body.size === 0) throw bodyEmpty();
      append = this.#options.appends.admit({ ...head, passedOn: false }, body.size);
      return await this.#append(append, body);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === "ERR_INTERNAL") this.#options.onFault(error);
      this.#options.desk.refused(head.log, problem.code);
      return { kind: "refused", problem: Buffer.from(JSON.stringify(problem)) };
    } finally {
      append?.close();
    }
  }

  async #append(append: AdmittedAppend, body: MovableBody): Promise<Outcome> {
    const outcome = await append.run(body);
    if (outcome.kind === "local") {
      const { firstSeq, lastSeq, count, duplicate } = outcome.reply;
      const leader = this.#options.address;
      return { kind: "appended", answer: { firstSeq, lastSeq, count, duplicate, leader } };
    }
    const { leader, reply } = outcome;
    if (reply.status !== 200) return { kind: "refused", problem: reply.body };
    const { firstSeq, lastSeq, count, duplicate } = JSON.parse(
      Buffer.from(reply.body).toString("utf8"),
    );
    return { kind: "appended", answer: { firstSeq, lastSeq, count, duplicate, leader } };
  }
}
