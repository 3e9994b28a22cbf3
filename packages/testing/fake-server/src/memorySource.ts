import { parseExactly, stringifyExactly } from "@annals/record";
import type { AuditRecord } from "@annals/record";
import { encodeRecord } from "@annals/wire";
import type { BatchSlice, PlacedRun, RecordCodec, RecordSource, TextRun } from "@annals/query";

export type PlainRecord = Record<string, unknown>;

export interface StoredRecord {
  readonly seq: number;
  readonly recordedAt: number;
  readonly record: PlainRecord;
}

/** A log in memory, in batches of JSON. */
export class MemorySource implements RecordSource {
  readonly #batches: {
    readonly firstSeq: number;
    readonly recordedAt: number;
    readonly records: readonly Uint8Array[];
  }[] = [];
  readonly firstSeq: number;
  #lastSeq: number;
  batchesRead = 0;

  constructor(firstSeq = 1) {
    this.firstSeq = firstSeq;
    this.#lastSeq = firstSeq - 1;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  append(recordedAt: number, records: readonly PlainRecord[]): void {
    if (records.length === 0) return;
    const encoded = records.map((record) => Buffer.from(stringifyExactly(record)));
    this.#batches.push({ firstSeq: this.#lastSeq + 1, recordedAt, records: encoded });
    this.#lastSeq += records.length;
  }

  batchAt(seq: number): BatchSlice | undefined {
    this.batchesRead++;
    // The last batch that does not begin after it.
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#batches[middle]?.firstSeq ?? Infinity) <= seq) low = middle + 1;
      else high = middle;
    }
    const batch = this.#batches[low - 1];
    if (batch === undefined || seq >= batch.firstSeq + batch.records.length) return undefined;
    return {
      header: {
        firstSeq: batch.firstSeq,
        count: batch.records.length,
        recordedAt: batch.recordedAt,
      },
      record: (position) => batch.records[position] ?? new Uint8Array(0),
    };
  }

  /** Everything, decoded: for naive filters. */
  all(): StoredRecord[] {
    return this.#batches.flatMap((batch) =>
      batch.records.map((bytes, position) => ({
        seq: batch.firstSeq + position,
        recordedAt: batch.recordedAt,
        record: parseExactly(Buffer.from(bytes).toString("utf8")) as PlainRecord,
      })),
    );
  }
}

/** JSON escapes some characters, so a text is searched for as JSON writes it. */
export const JSON_CODEC: RecordCodec = {
  decode: (bytes) => parseExactly(Buffer.from(bytes).toString("utf8")) as PlainRecord,
  placed: () => new PlacedJson(),
  texts: () => new JsonTexts(),
  mayHold: (bytes, text) => {
    const written = JSON.stringify(Buffer.from(text).toString("utf8")).slice(1, -1);
    return Buffer.from(bytes).includes(written);
  },
};

/** One after the other, decoded and encoded again. */
class PlacedJson implements PlacedRun {
  #bytes = Buffer.alloc(0);

  get length(): number {
    return this.#bytes.length;
  }

  add(seq: number, recordedAt: number, bytes: Uint8Array, maxLength: number): boolean {
    const record = parseExactly(Buffer.from(bytes).toString("utf8")) as AuditRecord;
    const time = new Date(recordedAt).toISOString();
    const placed = encodeRecord({ seq, recordedAt: time, ...record } as AuditRecord);
    if (this.#bytes.length + placed.length > maxLength) return false;
    this.#bytes = Buffer.concat([this.#bytes, placed]);
    return true;
  }

  take(): Uint8Array {
    return this.#bytes;
  }
}

class JsonTexts implements TextRun {
  #text = "";

  get length(): number {
    return this.#text.length;
  }

  add(seq: number, recordedAt: number, bytes: Uint8Array, maxLength: number): boolean {
    const record = parseExactly(Buffer.from(bytes).toString("utf8")) as PlainRecord;
    const time = new Date(recordedAt).toISOString();
    const text = stringifyExactly({ seq, recordedAt: time, ...record });
    if (this.length + text.length > maxLength) return false;
    this.#text += text;
    return true;
  }

  text(ascii: string): void {
    this.#text += ascii;
  }

  cutTo(length: number): void {
    this.#text = this.#text.slice(0, length);
  }

  take(): Uint8Array {
    return Buffer.from(this.#text);
  }
}
