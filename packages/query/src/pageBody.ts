import type { ReadFormat, ReadReply } from "./readQuery.ts";
import type { RecordFilter } from "./recordFilter.ts";
import { recordJson } from "./recordJson.ts";
import type { PlacedRun, RecordCodec } from "./recordSource.ts";

/** What an answer says besides its records. */
export type PageFrame = Pick<ReadReply, "covered" | "next" | "more">;

/** The records that one query has found, in the form that was asked for. Only JSON, or a filter, has them decoded. */
export interface PageBody {
  readonly count: number;
  /** Adds the record if it matches. False if it does not fit into `maxLength`, which does not hold for the first one. */
  add(seq: number, recordedAt: number, bytes: Uint8Array, maxLength: number): boolean;
  /** Builds the bytes of the answer. Called once, at the end. */
  render(frame: PageFrame): Pick<ReadReply, "body" | "contentType">;
}

export function pageBody(format: ReadFormat, filter: RecordFilter, codec: RecordCodec): PageBody {
  switch (format) {
    case "json":
    case "ndjson":
    case "record":
      return new TextBody(format, filter);
    case "msgpack":
      return new PlacedBody(filter, codec.placed());
    case "none":
      return new NoBody(filter);
    default:
      return format satisfies never;
  }
}

class TextBody implements PageBody {
  readonly #format: "json" | "ndjson" | "record";
  readonly #filter: RecordFilter;
  readonly #items: string[] = [];
  #length = 0;

  constructor(format: "json" | "ndjson" | "record", filter: RecordFilter) {
    this.#format = format;
    this.#filter = filter;
  }

  get count(): number {
    return this.#items.length;
  }

  add(seq: number, recordedAt: number, bytes: Uint8Array, maxLength: number): boolean {
    const record = this.#filter.match(bytes);
    if (record === undefined) return true;
    const item = recordJson(seq, recordedAt, record);
    if (this.count > 0 && this.#length + item.length > maxLength) return false;
    this.#items.push(item);
    this.#length += item.length;
    return true;
  }

  render({ covered, next, more }: PageFrame): Pick<ReadReply, "body" | "contentType"> {
    const items = this.#items;
    switch (this.#format) {
      case "ndjson": {
        const text = items.length === 0 ? "" : `${items.join("\n")}\n`;
        return { body: Buffer.from(text), contentType: "application/x-ndjson" };
      }
      case "record":
        return { body: Buffer.from(items[0] ?? "null"), contentType: "application/json" };
      case "json": {
        const tail = JSON.stringify({ covered, next: next ?? null, more }).slice(1);
        const text = `{"items":[${items.join(",")}],${tail}`;
        return { body: Buffer.from(text), contentType: "application/json" };
      }
      default:
        return this.#format satisfies never;
    }
  }
}

class PlacedBody implements PageBody {
  readonly #filter: RecordFilter;
  readonly #run: PlacedRun;
  #count = 0;

  constructor(filter: RecordFilter, run: PlacedRun) {
    this.#filter = filter;
    this.#run = run;
  }

  get count(): number {
    return this.#count;
  }

  add(seq: number, recordedAt: number, bytes: Uint8Array, maxLength: number): boolean {
    if (!this.#filter.passes(bytes)) return true;
    const { length } = this.#run;
    this.#run.add(seq, recordedAt, bytes);
    if (this.#count > 0 && this.#run.length > maxLength) {
      this.#run.cutTo(length);
      return false;
    }
    this.#count++;
    return true;
  }

  render(): Pick<ReadReply, "body" | "contentType"> {
    return { body: this.#run.take(), contentType: "application/msgpack" };
  }
}

/** Whoever asks for no records gets their count. */
class NoBody implements PageBody {
  readonly #filter: RecordFilter;
  #count = 0;

  constructor(filter: RecordFilter) {
    this.#filter = filter;
  }

  get count(): number {
    return this.#count;
  }

  add(_seq: number, _recordedAt: number, bytes: Uint8Array): boolean {
    if (this.#filter.passes(bytes)) this.#count++;
    return true;
  }

  render(): Pick<ReadReply, "body" | "contentType"> {
    return { body: new Uint8Array(0), contentType: "application/json" };
  }
}
