import { AnnalsError } from "@annals/record";

export type WireErrorCode =
  | "ERR_WIRE_VERSION"
  | "ERR_WIRE_TRUNCATED"
  | "ERR_WIRE_TYPE"
  | "ERR_WIRE_RANGE"
  | "ERR_WIRE_COUNT"
  | "ERR_WIRE_KIND"
  | "ERR_WIRE_TRAILING";

/**
 * Bytes of a peer that do not parse. The text names what was expected and where, never what was found: payload stays out of logs.
 * `ERR_WIRE_VERSION`: a layout version that this build does not read; `TRUNCATED`: the bytes end too early; `TYPE`: another
 * msgpack type than the field has; `RANGE`: a number or length outside its limits; `COUNT`: another number of elements;
 * `KIND`: an unknown tag; `TRAILING`: bytes after the end.
 */
export class WireError extends AnnalsError {
  override readonly name: string = "WireError";

  constructor(code: WireErrorCode, what: string, offset: number) {
    super(code, `${what} at byte ${offset}`, { details: { offset } });
  }
}
