/** A reply of Redis; an error is one, too. */
export type RespValue = number | string | Buffer | null | Error | readonly RespValue[];

const CR = 0x0d;
const LF = 0x0a;

interface Parsed {
  readonly value: RespValue;
  readonly end: number;
}

/** Takes replies (RESP2) out of a stream of bytes. */
export class RespReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** More than this must be there before it is worth parsing again: a large reply is not parsed for every chunk of it. */
  #triedBytes = 0;

  /** The replies that are whole now. */
  read(chunk: Buffer): readonly RespValue[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < 2 * this.#triedBytes && !endsLine(chunk)) return [];
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
    const values: RespValue[] = [];
    let at = 0;
    for (let next = parse(all, at); next !== undefined; next = parse(all, at)) {
      values.push(next.value);
      at = next.end;
    }
    const rest = all.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    this.#triedBytes = rest.length;
    return values;
  }
}

/** Every reply ends with a line. */
function endsLine(chunk: Buffer): boolean {
  return chunk.at(-1) === LF;
}

/** Undefined when it is not whole. */
function parse(bytes: Buffer, from: number): Parsed | undefined {
  const line = bytes.indexOf(CR, from);
  if (line === -1 || line + 2 > bytes.length) return undefined;
  const text = bytes.toString("latin1", from + 1, line);
  const end = line + 2;
  switch (bytes.toString("latin1", from, from + 1)) {
    case ":":
      return { value: Number(text), end };
    case "+":
      return { value: text, end };
    case "-":
      return { value: new Error(text), end };
    case "$": {
      const length = Number(text);
      if (length < 0) return { value: null, end };
      if (bytes.length < end + length + 2) return undefined;
      return { value: bytes.subarray(end, end + length), end: end + length + 2 };
    }
    case "*":
      return parseArray(bytes, end, Number(text));
    default:
      throw new RangeError(`no reply of Redis: ${bytes.toString("latin1", from, from + 20)}`);
  }
}

function parseArray(bytes: Buffer, from: number, length: number): Parsed | undefined {
  const values: RespValue[] = [];
  let end = from;
  for (let k = 0; k < length; k++) {
    const next = parse(bytes, end);
    if (next === undefined) return undefined;
    values.push(next.value);
    end = next.end;
  }
  return { value: length < 0 ? null : values, end };
}
