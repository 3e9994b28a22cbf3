import { appendRequest, bodyOf, recordsOfSize } from "@annals/load";

const JSON_BODY = { log: "audit", format: "json", compression: "none" } as const;

/** Stamped records are numbered from here: their numbers have the same length. */
export const SERIAL_MIN = 1_000_000_000;

/**
 * Makes the bytes of one JSON request after the other, each with records of its own numbers, in one buffer: only the numbers are written
 * anew. A request must have been answered before the next one is made.
 */
export class RequestStamp {
  readonly #request: Buffer;
  readonly #places: readonly number[];

  constructor(count: number, bytes: number) {
    this.#request = appendRequest(
      JSON_BODY,
      bodyOf(
        { ...JSON_BODY, recordsPerRequest: count, record: recordsOfSize(bytes, "json") },
        SERIAL_MIN,
      ),
    );
    const mark = `"n":${SERIAL_MIN}`.slice(0, `"n":1`.length);
    const places: number[] = [];
    for (let at = this.#request.indexOf(mark); at !== -1; at = this.#request.indexOf(mark, at + 1))
      places.push(at + mark.length - 1);
    this.#places = places;
  }

  get byteLength(): number {
    return this.#request.byteLength;
  }

  /** Records `from`, `from + 1` …, which read back as these numbers and `SERIAL_MIN`. */
  stamped(from: number): Uint8Array {
    for (const [k, place] of this.#places.entries())
      this.#request.write(String(SERIAL_MIN + from + k), place, "latin1");
    return this.#request;
  }
}
