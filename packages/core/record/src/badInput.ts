import { AnnalsError } from "./error.ts";

/**
 * Why a body or a record was refused. `ERR_BODY_*` is about the request as a whole, `ERR_RECORD_*` about one record of it.
 * `EMPTY`: no record in it; `MALFORMED`: no msgpack or no JSON of the expected shape; `TRUNCATED`: ends inside a value; `TRAILING`:
 * bytes after the end; `ENCODING`: no such compression, or damaged; `DECODED_TOO_LARGE`, `RATIO`: too much came out of it; `WINDOW`: too
 * much has to be remembered to decode it; `TOO_MANY_RECORDS`, `TOO_LARGE`, `TOO_DEEP`, `TOO_MANY_ELEMENTS`, `TOO_MANY_ATTACHMENTS`:
 * beyond a limit; `EXTENSION_TYPE`: msgpack's application types; `DUPLICATE_KEY`; `KEY`: a key that is no string, or reserved;
 * `NOT_UTF8`; `NUMBER`: not finite, or of too many digits; `FIELD_MISSING`, `FIELD_UNKNOWN`, `FIELD_TYPE`,
 * `FIELD_VALUE`: against the record model.
 */
export type BadInputCode =
  | "ERR_BODY_EMPTY"
  | "ERR_BODY_MALFORMED"
  | "ERR_BODY_TRUNCATED"
  | "ERR_BODY_TRAILING"
  | "ERR_BODY_TOO_MANY_RECORDS"
  | "ERR_BODY_TYPE"
  | "ERR_BODY_ENCODING"
  | "ERR_BODY_DECODED_TOO_LARGE"
  | "ERR_BODY_RATIO"
  | "ERR_BODY_WINDOW"
  | "ERR_RECORD_TOO_LARGE"
  | "ERR_RECORD_TOO_DEEP"
  | "ERR_RECORD_TOO_MANY_ELEMENTS"
  | "ERR_RECORD_TOO_MANY_ATTACHMENTS"
  | "ERR_RECORD_EXTENSION_TYPE"
  | "ERR_RECORD_DUPLICATE_KEY"
  | "ERR_RECORD_KEY"
  | "ERR_RECORD_NOT_UTF8"
  | "ERR_RECORD_NUMBER"
  | "ERR_RECORD_FIELD_MISSING"
  | "ERR_RECORD_FIELD_UNKNOWN"
  | "ERR_RECORD_FIELD_TYPE"
  | "ERR_RECORD_FIELD_VALUE";

const TOO_LARGE: ReadonlySet<BadInputCode> = new Set<BadInputCode>([
  "ERR_BODY_TOO_MANY_RECORDS",
  "ERR_BODY_DECODED_TOO_LARGE",
  "ERR_BODY_RATIO",
  "ERR_BODY_WINDOW",
  "ERR_RECORD_TOO_LARGE",
]);

export interface BadInputPlace {
  /** Record of the request, from 0; undefined when it is about the request as a whole. */
  readonly position: number | undefined;
  /** Keys and array positions down to the value, as `targets[2].id`; empty for the record itself. */
  readonly path: string;
  /** Byte of the body; undefined when there are no bytes yet. */
  readonly offset: number | undefined;
}

/** Input that was refused as a whole. Says what and where, and never quotes values. */
export class BadInputError extends AnnalsError {
  override readonly name: string = "BadInputError";
  /** Over a size limit (HTTP 413) rather than wrong (400). */
  readonly tooLarge: boolean;
  readonly place: BadInputPlace;
  readonly #code: BadInputCode;
  readonly #what: string;

  constructor(code: BadInputCode, what: string, place: BadInputPlace) {
    const { position, path, offset } = place;
    const where = [
      ...(position === undefined ? [] : [`record ${position}`]),
      ...(path === "" ? [] : [path]),
      ...(offset === undefined ? [] : [`byte ${offset}`]),
    ];
    super(code, where.length === 0 ? what : `${what} (${where.join(", ")})`, {
      details: { position, path, offset },
    });
    this.tooLarge = TOO_LARGE.has(code);
    this.place = place;
    this.#code = code;
    this.#what = what;
  }

  /** The same refusal at another byte of the body. */
  at(offset: number): BadInputError {
    return new BadInputError(this.#code, this.#what, { ...this.place, offset });
  }
}
