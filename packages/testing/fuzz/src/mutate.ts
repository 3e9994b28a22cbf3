import type { Random } from "@annals/kit";

/** Bytes and texts at which parsers tend to go wrong: heads of huge values, extension types, brackets, escapes, numbers beyond a double. */
const TOKENS: readonly Uint8Array[] = [
  ...[
    "ddffffffff dfffffffff c6ffffffff db7fffffff dcffff c1 c70001 d47240 d6ff00000000 c90000000170 80 90 a0",
    "cfffffffffffffffff d38000000000000000 cb7ff8000000000000 a95f5f70726f746f5f5f a2c328 a3eda080 c400 1f8b08 28b52ffd",
  ]
    .join(" ")
    .split(" ")
    .map((hex) => Buffer.from(hex, "hex")),
  ...[
    '"__proto__":1,',
    "\\u0000",
    "\\ud800",
    "1e999",
    "-0",
    "[[[[[[[[",
    '{"a":',
    "}",
    "]",
    ",",
  ].map((text) => Buffer.from(text)),
];

const CHANGES_MAX = 6;
const RUN_BYTES_MAX = 64;
/** How long a repetition may make an input: large enough for quadratic work to show. */
const REPEATED_BYTES_MAX = 128 * 1024;

/** `input` with a few changes; other inputs lend their parts. */
export function mutate(
  input: Uint8Array,
  others: readonly Uint8Array[],
  random: Random,
): Uint8Array {
  let bytes = change(input, others, random);
  for (let k = 1; k < CHANGES_MAX && random.chance(0.5); k++) bytes = change(bytes, others, random);
  return bytes;
}

function change(bytes: Uint8Array, others: readonly Uint8Array[], random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const run = random.between(1, RUN_BYTES_MAX);
  switch (random.below(9)) {
    case 0:
    case 1:
      return withByte(bytes, at, (byte) => byte ^ (1 << random.below(8)));
    case 2:
      return withByte(bytes, at, () => random.below(256));
    case 3:
      return splice(bytes, at, run, new Uint8Array(0));
    case 4:
      return splice(bytes, at, 0, bytes.subarray(at, at + run));
    case 5:
      return splice(bytes, at, random.chance(0.5) ? 0 : run, random.pick(TOKENS));
    case 6: {
      const other = random.pick(others);
      const from = random.below(other.length + 1);
      return splice(bytes, at, run, other.subarray(from, from + random.between(1, 256)));
    }
    case 7:
      return bytes.subarray(0, at);
    default:
      return random.chance(0.01) ? repeat(bytes, at, run, random) : withByte(bytes, at, () => 0xff);
  }
}

function withByte(bytes: Uint8Array, at: number, to: (byte: number) => number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  if (at < changed.length) changed[at] = to(changed[at] ?? 0);
  return changed;
}

function splice(bytes: Uint8Array, at: number, drop: number, insert: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + drop)]);
}

function repeat(bytes: Uint8Array, at: number, run: number, random: Random): Uint8Array {
  const part = bytes.subarray(at, at + run);
  const times = Math.floor(random.below(REPEATED_BYTES_MAX) / Math.max(1, part.length));
  const repeated = Buffer.alloc(times * part.length);
  for (let k = 0; k < times; k++) repeated.set(part, k * part.length);
  return splice(bytes, at, 0, repeated);
}
