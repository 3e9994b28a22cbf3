import { ClientError } from "@annals/client";
import type { AnnalsClient, AuditRecord, StoredRecord } from "@annals/client";
import { DEAD_LETTER } from "./deadLetterLog.ts";

export const LETTER_SKIPPED = "sink.deadLetterSkipped";
export const LETTER_RETRIED = "sink.deadLetterRetried";

/** A dead letter as it is listed. */
export interface ListedLetter {
  readonly sink: string;
  readonly log: string;
  readonly seq: number;
  readonly message: string;
  readonly attempts: number;
  readonly recordedAt: string;
  readonly state: "open" | "skipped" | "retried";
  /** Why it was skipped. */
  readonly reason?: string;
}

/** Letters that are held while a list is made. */
const LETTERS_MAX = 10_000;

/** The letters of a log's sinks, one for each record and sink, the oldest first; the newest 10 000 of them. None without such a log. */
export async function listLetters(
  client: AnnalsClient,
  deadLetterLog: string,
  sink: string | undefined,
  signal: AbortSignal,
): Promise<readonly ListedLetter[]> {
  const letters = new Map<string, ListedLetter>();
  const actor = sink === undefined ? {} : { actor: sink };
  try {
    for await (const record of client.records(deadLetterLog, actor, { signal }))
      take(letters, record);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "ERR_LOG_NOT_FOUND") throw error;
  }
  return [...letters.values()];
}

/** The record that says what became of a letter. */
export function resolutionRecord(
  letter: Pick<ListedLetter, "sink" | "log" | "seq">,
  action: typeof LETTER_SKIPPED | typeof LETTER_RETRIED,
  reason: string,
): AuditRecord {
  const { sink, log, seq } = letter;
  return {
    actor: { type: "sink", id: sink },
    action,
    targets: [{ type: "record", id: `${log}:${seq}` }],
    data: { sink, log, seq, reason },
  };
}

function take(letters: Map<string, ListedLetter>, record: StoredRecord): void {
  const { sink, log, seq, message, attempts, reason } = record.data ?? {};
  if (typeof sink !== "string" || typeof log !== "string" || typeof seq !== "number") return;
  const id = `${sink}:${log}:${seq}`;
  if (record.action === DEAD_LETTER) {
    letters.delete(id);
    letters.set(id, {
      sink,
      log,
      seq,
      message: String(message),
      attempts: Number(attempts),
      recordedAt: record.recordedAt,
      state: "open",
    });
    for (const oldest of letters.keys()) {
      if (letters.size <= LETTERS_MAX) break;
      letters.delete(oldest);
    }
    return;
  }
  const letter = letters.get(id);
  if (letter === undefined) return;
  if (record.action === LETTER_RETRIED) letters.set(id, { ...letter, state: "retried" });
  if (record.action === LETTER_SKIPPED)
    letters.set(id, { ...letter, state: "skipped", reason: String(reason) });
}
