/** The few messages of etcd's API that are sent, as protocol buffers (etcd api/etcdserverpb/rpc.proto). */

const LENGTH_DELIMITED = 2;

/** A `PutRequest` of a key and a value. */
export function putRequest(key: string, value: Uint8Array): Buffer {
  return Buffer.concat([field(1, Buffer.from(key)), field(2, value)]);
}

/** A `TxnRequest` without conditions, of puts. */
export function txnRequest(puts: readonly Uint8Array[]): Buffer {
  // success = 2, of RequestOp, whose request_put = 2.
  return Buffer.concat(puts.map((put) => field(2, field(2, put))));
}

/** As it is the body of a unary gRPC call: not compressed, its length, the message. */
export function grpcBody(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
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
