import type { Random } from "@annals/kit";

const [TEXT, BINARY, CLOSE, PING, PONG] = [1, 2, 8, 9, 10];

/** The request that opens a WebSocket, as RFC 6455 §4.1 wants it, or with a part that is odd. */
export function opening(path: string, protocols: readonly string[], random: Random): Buffer {
  const key = drawn(16, random).toString("base64");
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    `Sec-WebSocket-Version: ${random.chance(0.98) ? 13 : random.pick([8, 14, "x"])}`,
    `Sec-WebSocket-Key: ${random.chance(0.98) ? key : "short"}`,
  ];
  if (protocols.length > 0) lines.push(`Sec-WebSocket-Protocol: ${protocols.join(", ")}`);
  if (random.chance(0.1)) lines.push("Sec-WebSocket-Extensions: permessage-deflate");
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

/** A message in one frame or several (RFC 6455 §5.2), now and then with what no client may send beside it. */
export function message(payload: Uint8Array, kind: "text" | "binary", random: Random): Buffer {
  const frames: Buffer[] = [];
  const parts = random.chance(0.2) ? random.between(2, 4) : 1;
  const size = Math.max(1, Math.ceil(payload.length / parts));
  for (let part = 0; part < parts; part++) {
    const opcode = part > 0 ? 0 : kind === "text" ? TEXT : BINARY;
    const bytes = payload.subarray(part * size, (part + 1) * size);
    frames.push(frame(bytes, opcode, part === parts - 1, random));
    if (random.chance(0.1)) frames.push(control(random));
  }
  return Buffer.concat(frames);
}

export function control(random: Random): Buffer {
  const size = random.chance(0.9) ? random.below(126) : random.between(126, 300);
  const opcode = random.pick([PING, PING, PONG, CLOSE, 3, 11]);
  return frame(drawn(size, random), opcode, random.chance(0.95), random);
}

function frame(payload: Uint8Array, opcode: number, last: boolean, random: Random): Buffer {
  const isMasked = random.chance(0.97);
  const reserved = random.chance(0.02) ? 0x40 : 0;
  const first = (last ? 0x80 : 0) | reserved | opcode;
  const head = header(first, isMasked ? 0x80 : 0, saidLength(payload.length, random));
  if (!isMasked) return Buffer.concat([head, payload]);
  const mask = drawn(4, random);
  return Buffer.concat([head, mask, payload.map((byte, k) => byte ^ (mask[k & 3] ?? 0))]);
}

/** Rarely more than there is. */
function saidLength(length: number, random: Random): number {
  return random.chance(0.99) ? length : random.pick([length + 1, 2 ** 31, 2 ** 48]);
}

function header(first: number, maskBit: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, maskBit | length]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = maskBit | (length < 65_536 ? 126 : 127);
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

function drawn(bytes: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256)));
}
