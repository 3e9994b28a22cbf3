import { ClientError } from "@annals/client";
import type { AnnalsClient, AuditRecord } from "@annals/client";
import { fingerprint } from "../recordHash.ts";
import type { DeadLetter, DeadLetters } from "../run/ports.ts";

export interface DeadLetterLogOptions {
  readonly client: AnnalsClient;
  /** Whose records they are. */
  readonly log: string;
  /** Where the letters go; made on demand. */
  readonly deadLetterLog: string;
  readonly sink: string;
  readonly lane: number;
}

/** Of the fingerprint of a log's name: a producer id has room for few. */
const LOG_DIGITS = 8;

export const DEAD_LETTER = "sink.deadLetter";

/** The log that takes the dead letters of a log, unless another one is given. */
export function deadLetterLogOf(log: string): string {
  return `${log}.dead-letters`;
}

/** The record that a letter is. */
function letterRecord(sink: string, log: string, letter: DeadLetter): AuditRecord {
  const { seq, class: kind, message, attempts, part, settings } = letter;
  return {
    actor: { type: "sink", id: sink },
    action: DEAD_LETTER,
    outcome: "failure",
    targets: [{ type: "record", id: `${log}:${seq}` }],
    data: { sink, log, seq, class: kind, message, attempts, part, planHash: settings },
    id: `${sink}:${log}:${seq}`,
  };
}

interface Producer {
  readonly epoch: number;
  nextSequence: number;
  /** `id` of the letter that was written last. */
  lastLetter: string | undefined;
}

/**
 * Writes dead letters into a log of their own, as an idempotent producer in an epoch of its own: whoever wrote before is shut out. A runner
 * that crashed between a letter and the cursor finds that letter as the last one, and does not write it again.
 */
export class DeadLetterLog implements DeadLetters {
  readonly #options: DeadLetterLogOptions;
  readonly #id: string;
  #producer: Producer | undefined;

  constructor(options: DeadLetterLogOptions) {
    this.#options = options;
    // Sinks of one name may follow several logs and share one for letters: each numbers its own.
    const ofLog = fingerprint(options.log).slice(0, LOG_DIGITS);
    this.#id = `sink.${options.sink}.${options.lane}.${ofLog}`;
  }

  async write(letter: DeadLetter, signal: AbortSignal): Promise<void> {
    const { client, sink, log, deadLetterLog } = this.#options;
    const record = letterRecord(sink, log, letter);
    const producer = (this.#producer ??= await this.#begin(signal));
    if (producer.lastLetter === record.id) return;
    const { epoch, nextSequence: sequence } = producer;
    // If it fails, the next try begins by asking what was written last.
    this.#producer = undefined;
    const stamp = { id: this.#id, epoch, sequence };
    await client.append(deadLetterLog, record, { producer: stamp, signal });
    this.#producer = { epoch, nextSequence: sequence + 1, lastLetter: record.id };
  }

  async #begin(signal: AbortSignal): Promise<Producer> {
    const { client, deadLetterLog } = this.#options;
    await ensureLog(client, deadLetterLog, signal);
    const known = await client.producer(deadLetterLog, this.#id, { signal });
    const last =
      known === undefined ? undefined : await client.get(deadLetterLog, known.lastSeq, { signal });
    const epoch = known?.nextEpoch ?? (await client.nextEpoch(deadLetterLog, this.#id, { signal }));
    return { epoch, nextSequence: 1, lastLetter: last?.id };
  }
}

async function ensureLog(client: AnnalsClient, name: string, signal: AbortSignal): Promise<void> {
  const logs = await client.logs({ signal });
  if (logs.some((log) => log.name === name)) return;
  try {
    await client.createLog(name, { signal });
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "ERR_LOG_EXISTS") throw error;
  }
}
