// Goal: a compressed body is worth what it decodes to, and costs no more than its caps. Method: a real HTTP server over a node in memory.
import { constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";

const RECORD = { actor: { id: "alice" }, action: "file.read" };
const COMPRESS = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync } as const;
type Encoding = keyof typeof COMPRESS;

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

async function append(
  encoding: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly code: unknown }> {
  const response = await fetch(`${server.url}/v1/logs/audit/records`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", "content-encoding": encoding, ...headers },
  });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code };
}

/** Text that compresses about four to one, in records. */
function batch(bytes: number): Buffer {
  let state = 7;
  const text = Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return "abcd"[(state >>> 16) & 3];
  });
  return Buffer.from(JSON.stringify([{ ...RECORD, data: { text: text.join("") } }]));
}

describe.each(Object.keys(COMPRESS) as Encoding[])("%s", (encoding) => {
  const compress = COMPRESS[encoding];

  test("is taken, and what is appended is what was compressed", async () => {
    const original = batch(90_000);
    expect(await append(encoding.toUpperCase(), compress(original))).toEqual({ status: 200 });
    expect(Buffer.compare(server.service.appends[0]?.body ?? Buffer.of(), original)).toBe(0);
  });

  test("beyond the cap on what is decoded gets 413, however small it was", async () => {
    const answer = await append(encoding, compress(batch(140_000)));
    expect(answer).toEqual({ status: 413, code: "ERR_BODY_DECODED_TOO_LARGE" });
    expect(server.service.appends).toEqual([]);
  });

  test("beyond the cap on what arrives gets 413", async () => {
    const answer = await append(encoding, Buffer.alloc(70_000, compress(batch(1000))));
    expect(answer).toEqual({ status: 413, code: "ERR_BODY_TOO_LARGE" });
  });

  test("that is cut gets 400, and the server goes on", async () => {
    const body = compress(batch(5_000));
    const answer = await append(encoding, body.subarray(0, body.length - 9));
    expect(answer).toEqual({ status: 400, code: "ERR_BODY_ENCODING" });
    expect(await append(encoding, body)).toEqual({ status: 200 });
  });
});

test("a bomb is stopped by its ratio", async () => {
  await server.close();
  server = await startTestServer({
    body: { maxBytes: 64 * 1024, maxDecodedBytes: 64 << 20, maxRatio: 50 },
    maxLogBytes: 64 << 20,
    maxNodeBytes: 64 << 20,
  });
  const bomb = gzipSync(Buffer.alloc(32 << 20, " "));
  expect(await append("gzip", bomb)).toEqual({ status: 413, code: "ERR_BODY_RATIO" });
});

test("a zstd window is counted while it is there, and given back before the answer", async () => {
  await server.close();
  server = await startTestServer({
    body: { maxBytes: 2 ** 20, maxDecodedBytes: 2 ** 20, maxRatio: 50 },
    maxLogBytes: 5 * 2 ** 20,
    maxNodeBytes: 5 * 2 ** 20,
  });
  const params = {
    [constants.ZSTD_c_contentSizeFlag]: 0,
    [constants.ZSTD_c_windowLog]: 23,
  };
  const original = batch(900_000);
  let held = 0;
  server.service.beforeAppend = async () => {
    held = server.desk.read().node.buffered.bytes.current;
  };
  expect(await append("zstd", zstdCompressSync(original, { params }))).toEqual({ status: 200 });
  const { peak } = server.desk.read().node.buffered.bytes;
  expect(peak).toBeGreaterThan(2 * original.length);
  expect(held).toBe(original.length);
});

test("bytes are counted as they come out, up to the budget, and given back", async () => {
  await server.close();
  // A body of 100 000 bytes takes 192 KiB for its decoder and up to 128 KiB for itself while it comes in.
  server = await startTestServer({ maxLogBytes: 430 * 1024, maxNodeBytes: 430 * 1024 });
  let release: () => void = () => undefined;
  const blocked = new Promise<void>((resolve) => (release = resolve));
  server.service.beforeAppend = () => blocked;
  const body = gzipSync(batch(100_000));
  const held = [];
  for (const count of [1, 2]) {
    held.push(append("gzip", body));
    await expect.poll(() => server.service.appends.length).toBe(count);
  }
  expect(await append("gzip", body)).toEqual({ status: 429, code: "ERR_OVERLOADED" });
  release();
  expect(await Promise.all(held)).toEqual([{ status: 200 }, { status: 200 }]);
  await expect.poll(() => append("gzip", body)).toEqual({ status: 200 });
});

test("what another node passes on may be as large as what is decoded", async () => {
  const body = batch(100_000);
  expect(await append("identity", body)).toEqual({ status: 413, code: "ERR_BODY_TOO_LARGE" });
  expect(await append("identity", body, { "annals-forwarded": "b" })).toEqual({ status: 200 });
});
