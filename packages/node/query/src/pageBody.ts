import type { ReadFormat, ReadReply } from "./readQuery.ts";
import type { RecordFilter } from "./recordFilter.ts";
import type { PlacedRun, RecordCodec, TextRun } from "./recordSource.ts";

/** What an answer says besides its records. */
export type PageFrame = Pick<ReadReply, "covered" | "next" | "more">;

/** The records that one query has found, in the form that was asked for. Only a filter has them decoded. */
export interface PageBody {
  readonly count: number;
  /** Adds the record if it matches. False if it does not fit into `maxLength` bytes, which does not hold for the first one. */
  add(seq: number, recordedAt: number, bytes: Uint8Array, maxLength: number): boolean;
  /** Builds the bytes of the answer. Called once, at the end. */
  render(frame: PageFrame): Pick<ReadReply, "body" | "contentType">;
}

export function pageBody(format: ReadFormat, filter: RecordFilter, codec: RecordCodec): PageBody {
  switch (format) {
    case "json":
    case "ndjson":
    case "record":
      return new TextBody(format, filter, codec.texts());
    case "msgpack":
      return new RunBody(filter, codec.placed());
    case "none":
      return new NoBody(filter);
    default:
      return format satisfies never;
  }
}

class RunBody implements PageBody {
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
    const room = this.#count === 0 ? Number.POSITIVE_INFINITY : maxLength;
    if (!this.put(seq, recordedAt, bytes, room)) return false;
    this.#count++;
    return true;
  }

  render(_frame: PageFrame): Pick<ReadReply, "body" | "contentType"> {
    return { body: this.#run.take(), contentType: "application/msgpack" };
  }

  protected put(seq: number, recordedAt: number, bytes: Uint8Array, room: number): boolean {
    return this.#run.add(seq, recordedAt, bytes, room);
  }
}

class TextBody extends RunBody {
  readonly #format: "json" | "ndjson" | "record";
  readonly #run: TextRun;

  constructor(format: "json" | "ndjson" | "record", filter: RecordFilter, run: TextRun) {
    super(filter, run);
    this.#format = format;
    this.#run = run;
    if (format === "json") run.text('{"items":[');
  }

  override render({ covered, next, more }: PageFrame): Pick<ReadReply, "body" | "contentType"> {
    if (this.#format === "json")
      this.#run.text(`],${JSON.stringify({ covered, next: next ?? null, more }).slice(1)}`);
    if (this.#format === "record" && this.count === 0) this.#run.text("null");
    const contentType = this.#format === "ndjson" ? "application/x-ndjson" : "application/json";
    return { body: this.#run.take(), contentType };
  }

  protected override put(
    seq: number,
    recordedAt: number,
    bytes: Uint8Array,
    room: number,
  ): boolean {
    const { length } = this.#run;
    if (this.#format === "json" && this.count > 0) this.#run.text(",");
    if (!super.put(seq, recordedAt, bytes, room)) {
      this.#run.cutTo(length);
      return false;
    }
    if (this.#format === "ndjson") this.#run.text("\n");
    return true;
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
