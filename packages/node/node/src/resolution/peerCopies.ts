import type { GaugeFamily } from "@annals/flow";
import { Permits } from "@annals/transport";
import { z } from "zod";
import type { NodeConfig } from "@annals/config";
import type { LogState } from "@annals/api";
import { COPY_ANSWER_BYTES_MAX, COPY_QUESTIONS_MAX } from "@annals/config";

/** What a node says of its copy of a log, as far as others act upon it. */
export interface PeerCopy {
  readonly state: LogState;
  readonly reason?: string | undefined;
  readonly headHash?: string | undefined;
  /** Set when the copy stands still. */
  readonly diverged?: unknown;
  readonly emptiedFor?: string | undefined;
  readonly decision?: { readonly decision: number; readonly carriedOut: boolean } | undefined;
}

const COPY: z.ZodType<PeerCopy> = z.object({
  state: z.enum(["open", "opening", "repairing", "diverged", "silent"]),
  reason: z.string().optional(),
  headHash: z.string().optional(),
  diverged: z.unknown().optional(),
  emptiedFor: z.string().optional(),
  decision: z.object({ decision: z.number(), carriedOut: z.boolean() }).optional(),
});

const ANSWER_TIMEOUT_MS = 2000;

/** Asks nodes for their copies of logs, a few at a time. Whoever asks waits for the answers, so what waits here is bounded with them. */
export class PeerCopies {
  readonly #nodes: NodeConfig["nodes"];
  readonly #permits: Permits;

  constructor({ nodes }: Pick<NodeConfig, "nodes">, family: GaugeFamily) {
    this.#nodes = nodes;
    this.#permits = new Permits(COPY_QUESTIONS_MAX, family);
  }

  /** What a node says of its copy of a log; undefined when it gives no answer that makes sense. */
  ask(node: string, log: string): Promise<PeerCopy | undefined> {
    return this.#permits.run(() => this.#ask(node, log));
  }

  async #ask(node: string, log: string): Promise<PeerCopy | undefined> {
    try {
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const response = await fetch(`http://${this.#nodes[node]}/v1/logs/${log}/copy`, { signal });
      const text = await readText(response);
      return response.ok ? COPY.parse(JSON.parse(text)) : undefined;
    } catch {
      // Not there, or of another mind: it is asked again.
      return undefined;
    }
  }
}

async function readText({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    parts.push(part);
    bytes += part.byteLength;
    if (bytes > COPY_ANSWER_BYTES_MAX)
      throw new RangeError(`beyond ${COPY_ANSWER_BYTES_MAX} bytes`);
  }
  return Buffer.concat(parts).toString("utf8");
}
