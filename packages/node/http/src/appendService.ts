import { FORWARDED_ANSWER_BYTES } from "@annals/api";
import type { AppendReply } from "@annals/api";
import type { MovableBody } from "@annals/channel";
import { appendHeaders } from "./appendRequest.ts";
import type { AppendHead } from "./appendRequest.ts";
import { FORWARD_GRACE_MS } from "./forwarder.ts";
import type { Forwarded, Forwarder } from "./forwarder.ts";
import type { IngestDesk, Ticket } from "./ingest/ingestDesk.ts";
import { workAtLeader } from "./leaderTarget.ts";
import { httpError } from "./problem.ts";
import type { NodeService } from "./service.ts";

export interface AppendServiceOptions {
  readonly service: Pick<NodeService, "append" | "forwardTarget">;
  readonly forwarder: Pick<Forwarder, "forward">;
  readonly desk: IngestDesk;
}

/** Everything about an append but its body. `timeoutMs` is its deadline, wherever the leader is. */
export interface AppendCall extends Omit<AppendHead, "encoding"> {
  readonly log: string;
  /** Whether another node has passed it on: it goes no further then. */
  readonly passedOn: boolean;
}

/** Says where an append was answered: by this node, or by the leader on another one. */
export type AppendOutcome =
  | { readonly kind: "local"; readonly reply: AppendReply }
  /** `leader` is the `host:port` of who has answered; the reply is as it came, a refusal too. */
  | { readonly kind: "forwarded"; readonly leader: string; readonly reply: Forwarded };

/** Room for the body of an append, which may come in after the append was admitted. */
export type BodyRoom = Pick<Ticket, "growTo" | "shrinkTo" | "receives">;

/**
 * The one road of an append, whichever way it has come: it is admitted, its body is received, it is
 * carried out where the leader is, and what became of it is counted.
 */
export class AppendService {
  readonly #options: AppendServiceOptions;

  constructor(options: AppendServiceOptions) {
    this.#options = options;
  }

  /**
   * Takes the room for a body of so many bytes. Throws ERR_OVERLOADED beyond the budget of the log,
   * ERR_NODE_OVERLOADED beyond that of the node. The caller closes what it gets.
   */
  admit(call: AppendCall, bytes: number): AdmittedAppend {
    return new AdmittedAppend(this.#options, call, this.#options.desk.admit(call.log, bytes));
  }
}

/** An append that was let in. Holds the room for its body until it is closed. */
export class AdmittedAppend {
  readonly call: AppendCall;
  readonly #options: AppendServiceOptions;
  readonly #ticket: Ticket;

  constructor(options: AppendServiceOptions, call: AppendCall, ticket: Ticket) {
    this.#options = options;
    this.call = call;
    this.#ticket = ticket;
  }

  get room(): BodyRoom {
    return this.#ticket;
  }

  /**
   * Appends the records of the body here if this node leads the log, else passes them to the
   * leader, once. Rejects with ERR_NO_LEADER, with ERR_NOT_LEADER, and as both ways do.
   */
  run(body: MovableBody): Promise<AppendOutcome> {
    const { log, passedOn } = this.call;
    return workAtLeader<AppendOutcome>({
      service: this.#options.service,
      log,
      passedOn,
      here: () => this.#append(body),
      there: (leader) => this.#forward(leader, body),
    });
  }

  /** Gives the room back. Idempotent. */
  close(): void {
    this.#ticket.close();
  }

  async #append(body: MovableBody): Promise<AppendOutcome> {
    assertHere(body);
    const { log, contentType, producer, timeoutMs } = this.call;
    const request = { contentType, producer, timeoutMs, body };
    const reply = await this.#options.service.append(log, request);
    const { count: records, duplicate } = reply;
    this.#ticket.accepted({ records, bytes: body.size, producer: producer?.id, duplicate });
    return { kind: "local", reply };
  }

  async #forward(leader: string, body: MovableBody): Promise<AppendOutcome> {
    assertHere(body);
    const { log, timeoutMs } = this.call;
    const reply = await this.#options.forwarder.forward({
      address: leader,
      method: "POST",
      path: `/v1/logs/${encodeURIComponent(log)}/records`,
      headers: appendHeaders(this.call),
      body: body.bytes,
      timeoutMs: timeoutMs + FORWARD_GRACE_MS,
      maxAnswerBytes: FORWARDED_ANSWER_BYTES.append,
    });
    this.#ticket.passedOn(reply.status);
    return { kind: "forwarded", leader, reply };
  }
}

/** The refusal of an append without records. */
export function bodyEmpty(): Error {
  return httpError("ERR_BODY_EMPTY", "the body is empty");
}

/**
 * Throws ERR_NOT_LEADER when the body has moved to a worker that did not lead any more: nothing was
 * accepted, and nobody has the bytes but the client.
 */
function assertHere({ moved }: MovableBody): void {
  if (moved) throw httpError("ERR_NOT_LEADER", "the leader changed", { retryable: true });
}
