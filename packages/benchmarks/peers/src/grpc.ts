/** The few messages of etcd's API that are sent, as protocol buffers (etcd api/etcdserverpb/rpc.proto). */

const LENGTH_DELIMITED = 2;
/** Whether a message is compressed, and its length. */
const HEAD_BYTES = 5;

/** A `PutRequest` of a key and a value. */
export function putRequest(key: string, value: Uint8Array): Buffer {
  return Buffer.concat([field(1, Buffer.from(key)), field(2, value)]);
}

/** A `TxnRequest` without conditions, of puts. */
export function txnRequest(puts: readonly Uint8Array[]): Buffer {
  // success = 2, of RequestOp, whose request_put = 2.
  return Buffer.concat(puts.map((put) => field(2, field(2, put))));
}

/** A `WatchRequest` that asks for every change of a range of keys from a revision on. */
export function watchRequest(from: string, to: string, revision: number): Buffer {
  const startRevision = Buffer.from([3 << 3, ...varint(revision)]);
  const keys = [field(1, Buffer.from(from)), field(2, Buffer.from(to))];
  return field(1, Buffer.concat([...keys, startRevision]));
}

/** How often a field occurs in a message whose fields are all of varints or lengths. */
export function countFields(message: Buffer, number: number): number {
  let count = 0;
  for (let at = 0; at < message.length; ) {
    const [tag, afterTag] = readVarint(message, at);
    const [value, after] = readVarint(message, afterTag);
    if (tag >>> 3 === number) count++;
    at = (tag & 7) === LENGTH_DELIMITED ? after + value : after;
  }
  return count;
}

/** Takes messages out of the bytes of a gRPC stream. */
export class GrpcReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needBytes = HEAD_BYTES;

  read(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needBytes) return [];
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
    const messages: Buffer[] = [];
    let at = 0;
    for (;;) {
      this.#needBytes = HEAD_BYTES;
      if (all.length - at < HEAD_BYTES) break;
      this.#needBytes += all.readUInt32BE(at + 1);
      if (all.length - at < this.#needBytes) break;
      messages.push(all.subarray(at + HEAD_BYTES, at + this.#needBytes));
      at += this.#needBytes;
    }
    const rest = all.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    return messages;
  }
}

/** As it is the body of a unary gRPC call: not compressed, its length, the message. */
export function grpcBody(message: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from([(number << 3) | LENGTH_DELIMITED, ...varint(bytes.length)]),
    bytes,
  ]);
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** A varint of at most 53 bits, and where it ends. */
function readVarint(bytes: Buffer, from: number): readonly [value: number, end: number] {
  let [value, factor] = [0, 1];
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at + 1];
    factor *= 0x80;
  }
  throw new RangeError(`a varint at ${from} has no end`);
}
