import { FORWARDED_ANSWER_BYTES } from "@annals/api";
import type { GroupAnswers, GroupRequest } from "@annals/api";
import { fromPlainError } from "@annals/channel";
import { FORWARD_TIMEOUT_MS } from "../atLeader.ts";
import type { Forwarded, Forwarder } from "../forwarder.ts";
import { startText } from "../groupStart.ts";
import { workAtLeader } from "../leaderTarget.ts";
import type { ProblemDocument } from "../problem.ts";
import type { NodeService } from "../service.ts";

/** What a consumer on the stream asks of its group. */
type ConsumerRequest = Exclude<GroupRequest, { op: "list" | "delete" | "reset" }>;

/** Asks the leader of a log about its groups, here or over HTTP. */
export class GroupCalls {
  readonly #service: NodeService;
  readonly #forwarder: Forwarder;
  readonly #log: string;

  constructor(service: NodeService, forwarder: Forwarder, log: string) {
    this.#service = service;
    this.#forwarder = forwarder;
    this.#log = log;
  }

  /** Rejects with the leader's refusal. */
  ask<Op extends ConsumerRequest["op"]>(
    request: ConsumerRequest & { readonly op: Op },
  ): Promise<GroupAnswers[Op]> {
    return workAtLeader<GroupAnswers[Op]>({
      service: this.#service,
      log: this.#log,
      passedOn: false,
      here: () => this.#service.group<Op>(this.#log, request),
      there: async (address) => (await this.#forward(address, request)) as GroupAnswers[Op],
    });
  }

  async #forward(address: string, request: ConsumerRequest): Promise<unknown> {
    const { path, body } = routeOf(request);
    const answer = await this.#forwarder.forward({
      address,
      method: "POST",
      path: `/v1/logs/${encodeURIComponent(this.#log)}/groups${path}`,
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify(body)),
      timeoutMs: FORWARD_TIMEOUT_MS,
      maxAnswerBytes: FORWARDED_ANSWER_BYTES.group,
    });
    return answerOf(answer);
  }
}

function routeOf(request: ConsumerRequest): { readonly path: string; readonly body: object } {
  if (request.op === "create") {
    const { op: _, from, ...rest } = request;
    return { path: "", body: { ...rest, from: startText(from) } };
  }
  const { op, name, ...rest } = request;
  return { path: `/${encodeURIComponent(name)}/${op}`, body: rest };
}

function answerOf({ status, body }: Forwarded): unknown {
  const answer: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
  if (status === 200) return answer;
  const { detail, ...problem } = answer as ProblemDocument;
  throw fromPlainError({ ...problem, message: detail, causes: [] });
}
