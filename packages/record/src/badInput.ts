import { AnnalsError } from "./error.ts";

/**
 * Why a body or a record was refused. Of the body: `empty` no record in it; `malformed` no msgpack or JSON; `truncated` ends inside
 * a value; `trailing` bytes after the end; `too-many-records`. Of one record: `too-large`, `too-deep`, `too-many-elements` beyond a
 * limit; `extension-type` msgpack's application types; `duplicate-key`; `key` one that is no string, or reserved; `not-utf8`; `number`
 * not finite, or an integer that a double cannot hold; `field-missing`, `field-unknown`, `field-type`, `field-value` against the record
 * model. Reasons are as stable as codes.
 */
export type BadInputReason =
  | "empty"
  | "malformed"
  | "truncated"
  | "trailing"
  | "too-many-records"
  | "too-large"
  | "too-deep"
  | "too-many-elements"
  | "extension-type"
  | "duplicate-key"
  | "key"
  | "not-utf8"
  | "number"
  | "field-missing"
  | "field-unknown"
  | "field-type"
  | "field-value";

export type BadInputCode =
  | "ERR_BODY_MALFORMED"
  | "ERR_TOO_MANY_RECORDS"
  | "ERR_RECORD_TOO_LARGE"
  | "ERR_RECORD_INVALID";

function codeOf(reason: BadInputReason): BadInputCode {
  switch (reason) {
    case "empty":
    case "malformed":
    case "truncated":
    case "trailing":
      return "ERR_BODY_MALFORMED";
    case "too-many-records":
      return "ERR_TOO_MANY_RECORDS";
    case "too-large":
      return "ERR_RECORD_TOO_LARGE";
    case "too-deep":
    case "too-many-elements":
    case "extension-type":
    case "duplicate-key":
    case "key":
    case "not-utf8":
    case "number":
    case "field-missing":
    case "field-unknown":
    case "field-type":
    case "field-value":
      return "ERR_RECORD_INVALID";
    default:
      return reason satisfies never;
  }
}

export interface BadInputPlace {
  /** Record of the request, from 0; undefined when it is about the request as a whole. */
  readonly position: number | undefined;
  /** Keys and array positions down to the value, as `targets[2].id`; empty for the record itself. */
  readonly path: string;
  /** Byte of the body. */
  readonly offset: number;
}

/** Input that was refused as a whole. Says what and where, and never quotes values. `details` are the reason and the place. */
export class BadInputError extends AnnalsError {
  override readonly name: string = "BadInputError";
  readonly reason: BadInputReason;
  /** Over a size limit (HTTP 413) rather than wrong (400). */
  readonly tooLarge: boolean;
  readonly place: BadInputPlace;
  readonly #what: string;

  constructor(reason: BadInputReason, what: string, place: BadInputPlace) {
    const { position, path, offset } = place;
    const where = [
      ...(position === undefined ? [] : [`record ${position}`]),
      ...(path === "" ? [] : [path]),
      `byte ${offset}`,
    ];
    const details = { reason, ...(position === undefined ? {} : { position }), path, offset };
    super(codeOf(reason), `${what} (${where.join(", ")})`, { details });
    this.reason = reason;
    this.tooLarge = reason === "too-large" || reason === "too-many-records";
    this.place = place;
    this.#what = what;
  }

  /** The same refusal at another byte of the body. */
  at(offset: number): BadInputError {
    return new BadInputError(this.reason, this.#what, { ...this.place, offset });
  }
}
