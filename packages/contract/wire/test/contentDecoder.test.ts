// Goal: a compressed body costs what its limits say and not a byte more. Method: real bodies, cut and damaged ones, and bombs.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync, constants } from "node:zlib";
import { describe, expect, test } from "vitest";
import { CONTENT_ENCODINGS, decodeContent } from "../src/contentDecoder.ts";
import type { ContentEncoding, DecodeLimits } from "../src/contentLimits.ts";

const LIMITS: DecodeLimits = { maxBytes: 8 * 2 ** 20, maxRatio: 100 };
const COMPRESS: Readonly<Record<ContentEncoding, (bytes: Uint8Array) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

/** Compresses about four to one. */
function text(bytes: number): Buffer {
  let state = 1;
  return Buffer.from(
    Array.from({ length: bytes }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return 0x61 + ((state >>> 16) & 3);
    }),
  );
}

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function outcome(
  encoding: ContentEncoding,
  bytes: Uint8Array,
  limits: Partial<DecodeLimits> = {},
): Promise<string> {
  try {
    const decoded = await decodeContent(encoding, [bytes], { ...LIMITS, ...limits });
    return `${decoded.byteLength} bytes`;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

describe.each(CONTENT_ENCODINGS)("%s", (encoding) => {
  const compress = COMPRESS[encoding];

  test.each([1, 40, 1000, 131_071, 131_072, 300_000, 3_000_000])(
    "gives %i bytes back",
    async (size) => {
      const original = text(size);
      for (const piece of [1_000_000_000, 1_009]) {
        const decoded = await decodeContent(encoding, pieces(compress(original), piece), LIMITS);
        expect(Buffer.compare(decoded, original)).toBe(0);
      }
    },
  );

  test("takes what is exactly as large as the cap, and refuses a byte more", async () => {
    const body = compress(text(5_000));
    expect(await outcome(encoding, body, { maxBytes: 5_000 })).toBe("5000 bytes");
    expect(await outcome(encoding, body, { maxBytes: 4_999 })).toBe("ERR_BODY_DECODED_TOO_LARGE");
    expect(await outcome(encoding, body, { maxBytes: 1 })).toBe("ERR_BODY_DECODED_TOO_LARGE");
  });

  test("stops a bomb by its ratio, long before the cap on bytes", async () => {
    const grown: number[] = [];
    const onGrow = (bytes: number): void => void grown.push(bytes);
    const bomb = compress(Buffer.alloc(64 * 2 ** 20));
    expect(await outcome(encoding, bomb, { maxBytes: 2 ** 27, onGrow })).toBe("ERR_BODY_RATIO");
    expect(Math.max(...grown)).toBeLessThan(4 * 2 ** 20);
  });

  test("ends when it may not grow", async () => {
    const onGrow = (): never => {
      throw Object.assign(new Error("no"), { code: "ERR_BUDGET" });
    };
    expect(await outcome(encoding, compress(text(9_000)), { onGrow })).toBe("ERR_BUDGET");
  });

  test.each([
    ["nothing", (_body: Buffer) => Buffer.alloc(0), "ERR_BODY_ENCODING"],
    ["half of it", (body: Buffer) => body.subarray(0, body.length >> 1), "ERR_BODY_ENCODING"],
    ["all but a byte", (body: Buffer) => body.subarray(0, -1), "ERR_BODY_ENCODING"],
    ["plain text", () => Buffer.from('{"actor":{"id":"a"},"action":"b"}'), "ERR_BODY_ENCODING"],
  ])("refuses %s", async (_what, spoil, code) => {
    expect(await outcome(encoding, spoil(compress(text(100_000))))).toBe(code);
  });

  test("refuses bytes after the end", async () => {
    const body = Buffer.concat([compress(text(100_000)), Buffer.from("and more")]);
    expect(await outcome(encoding, body)).toMatch(/^ERR_BODY_(TRAILING|ENCODING)$/);
  });

  test("passes on the failure of its source", async () => {
    const body = compress(text(500_000));
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield body.subarray(0, 1000);
      throw new Error("the socket is gone");
    }
    await expect(decodeContent(encoding, broken(), LIMITS)).rejects.toThrow("the socket is gone");
  });
});

test("deflate is zlib's format (RFC 9110), not the raw one", async () => {
  expect(await outcome("deflate", deflateRawSync(text(1000)))).toBe("ERR_BODY_ENCODING");
});

test("zstd with a window beyond 8 MiB is refused (RFC 9659)", async () => {
  const params = { [constants.ZSTD_c_windowLog]: 27 };
  const wide = zstdCompressSync(text(9 * 2 ** 20), { params });
  expect(await outcome("zstd", wide, { maxBytes: 2 ** 25 })).toBe("ERR_BODY_WINDOW");
});

describe("zstd by the head of its frame", () => {
  const body = zstdCompressSync(text(100_000));

  test("is refused before anything is decoded, if it would be too large", async () => {
    const grown: number[] = [];
    const limits = { maxBytes: 99_999, onGrow: (bytes: number) => void grown.push(bytes) };
    expect(await outcome("zstd", body, limits)).toBe("ERR_BODY_DECODED_TOO_LARGE");
    expect(Math.max(...grown)).toBe(body.length);
  });

  test("is refused, if it names a dictionary or holds no data", async () => {
    // The descriptor says that a number of one byte follows, behind the window if there is one.
    const [magic, descriptor = 0] = [body.subarray(0, 4), body[4]];
    const named = Buffer.concat([magic, Buffer.of(descriptor | 1, 7), body.subarray(5)]);
    await expect(decodeContent("zstd", [named], LIMITS)).rejects.toThrow(/dictionary/);
    const skipped = Buffer.alloc(13);
    skipped.writeUInt32LE(0x184d_2a53);
    skipped.writeUInt32LE(5, 4);
    for (const bytes of [skipped, Buffer.concat([skipped, body])])
      await expect(decodeContent("zstd", [bytes], LIMITS)).rejects.toThrow(/frame without data/);
  });
});

describe("what a decoder holds is accounted for before it is held", () => {
  const size = 3 * 2 ** 20;

  test.each([17, 20, 23])("the window of zstd, of 2^%i bytes", async (windowLog) => {
    const params = {
      [constants.ZSTD_c_contentSizeFlag]: 0,
      [constants.ZSTD_c_windowLog]: windowLog,
    };
    const body = zstdCompressSync(text(size), { params });
    const grown: number[] = [];
    const onGrow = (bytes: number): void => void grown.push(bytes);
    await decodeContent("zstd", pieces(body, 65_536), { ...LIMITS, onGrow });
    const window = Math.min(2 ** windowLog, size);
    expect(grown.at(-1)).toBeGreaterThanOrEqual(size + window);
    expect(grown.at(-1)).toBeLessThan(size + window + size / 4 + 2 ** 20);
  });

  test.each(CONTENT_ENCODINGS)("%s: before a byte has come out", async (encoding) => {
    const onGrow = (bytes: number): void => {
      if (bytes > 100_000) throw Object.assign(new Error("no"), { code: "ERR_BUDGET" });
    };
    const body = COMPRESS[encoding](text(90_000));
    expect(await outcome(encoding, body, { onGrow })).toBe("ERR_BUDGET");
  });
});

describe.each(CONTENT_ENCODINGS)("%s that is small", (encoding) => {
  const compress = COMPRESS[encoding];

  test("costs no decoder of its own, from any pieces", async () => {
    const grown: number[] = [];
    for (const piece of [100_000, 100, 1]) {
      const original = text(2_000);
      const onGrow = (bytes: number): void => void grown.push(bytes);
      const decoded = await decodeContent(encoding, pieces(compress(original), piece), {
        ...LIMITS,
        onGrow,
      });
      expect(Buffer.compare(decoded, original)).toBe(0);
      expect(decoded.buffer.byteLength).toBe(2_000);
    }
    expect(Math.max(...grown)).toBeLessThan(5_000);
  });

  test.each([65_536, 65_537, 1_000_000])("and decodes to %i bytes", async (size) => {
    const body = compress(Buffer.alloc(size, "a"));
    expect(body.length).toBeLessThan(4_096);
    const decoded = await decodeContent(encoding, [body], LIMITS);
    expect(Buffer.compare(decoded, Buffer.alloc(size, "a"))).toBe(0);
  });
});

test("gzip of several members is what they decode to, small or not", async () => {
  for (const size of [100, 100_000]) {
    const member = gzipSync(text(size));
    const decoded = await decodeContent("gzip", [Buffer.concat([member, member])], LIMITS);
    expect(Buffer.compare(decoded, Buffer.concat([text(size), text(size)]))).toBe(0);
  }
});

describe("zstd that says its size", () => {
  // No multiple of what a decoder hands out at a time: those end otherwise.
  const size = 2 ** 20 + 100;
  const body = zstdCompressSync(text(size));
  // One that does not say it is decoded as a stream.
  const unsized = zstdCompressSync(text(size), {
    params: { [constants.ZSTD_c_contentSizeFlag]: 0 },
  });

  test("is decoded without a window, into a buffer of its size, from any pieces", async () => {
    for (const piece of [body.length, 100_000, 17, 18]) {
      const decoded = await decodeContent("zstd", pieces(body, piece), LIMITS);
      expect(Buffer.compare(decoded, text(size))).toBe(0);
      expect(decoded.buffer.byteLength).toBe(size);
    }
    const streamed = await decodeContent("zstd", pieces(unsized, 100_000), LIMITS);
    expect(Buffer.compare(streamed, text(size))).toBe(0);
  });

  test("is accounted for before it is decoded", async () => {
    const grown: number[] = [];
    await decodeContent("zstd", pieces(body, 100_000), {
      ...LIMITS,
      onGrow: (bytes) => grown.push(bytes),
    });
    expect(grown.at(-1)).toBeGreaterThan(body.length + size);
    expect(grown.at(-1)).toBeLessThan(body.length + size + 2 ** 20);
  });

  test.each([
    ["more than it has", -1, "ERR_BODY_ENCODING"],
    ["less than it has", 1, "ERR_BODY_ENCODING"],
  ])("and says %s is refused", async (_what, by, code) => {
    const lying = Buffer.from(body);
    lying.writeUInt32LE(size - by, 5);
    expect(await outcome("zstd", lying)).toBe(code);
  });

  test.each([
    ["a second frame", Buffer.concat([body, body]), "ERR_BODY_TRAILING"],
    ["what is no frame", Buffer.concat([body, Buffer.from("and more")]), "ERR_BODY_TRAILING"],
  ])("and is followed by %s is refused", async (_what, bytes, code) => {
    expect(await outcome("zstd", bytes)).toBe(code);
    expect(await outcome("zstd", Buffer.concat([unsized, bytes.subarray(body.length)]))).toBe(code);
  });

  test("passes on what its source throws, and lets it go when it may not grow", async () => {
    let ended = 0;
    function* source(): Generator<Uint8Array> {
      try {
        yield body.subarray(0, 1_000);
        throw new Error("the socket is gone");
      } finally {
        ended++;
      }
    }
    await expect(decodeContent("zstd", source(), LIMITS)).rejects.toThrow("the socket is gone");
    const onGrow = (): never => {
      throw new Error("no room");
    };
    await expect(decodeContent("zstd", source(), { ...LIMITS, onGrow })).rejects.toThrow("no room");
    expect(ended).toBe(2);
  });
});

test.each(CONTENT_ENCODINGS)(
  "%s: of a chunk that was decoded nothing is kept",
  async (encoding) => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const body = COMPRESS[encoding](text(100_000));
    const heap: number[] = [];
    function* measured(): Generator<Uint8Array> {
      for (let at = 0; at < body.byteLength; at++) {
        if (at === 1_000 || at === body.byteLength - 1) {
          collect();
          heap.push(process.memoryUsage().heapUsed);
        }
        yield body.subarray(at, at + 1);
      }
    }
    const decoded = await decodeContent(encoding, measured(), LIMITS);
    expect(decoded.byteLength).toBe(100_000);
    const [early = 0, late = 0] = heap;
    expect(late - early).toBeLessThan(2 ** 20);
  },
);
